"""Identity: the rules by which Ferry distinguishes people. Pure, and the same for every source.

1. **E-mail decides.** Changes with two different valid e-mails are never one person. A change without an e-mail belongs
   to the person of its strongest identifier, and to that identifier's e-mail if it has exactly one (`persons.py`).
2. **Ordering is not coalescing.** All unblocked identifiers of a change are keys that keep its order
   (`identifiers.py`); the first one names the person, and only rule 1 joins changes (`persons.py`).
3. **Values that identify nobody are blocked** (`blocked.py`), and so are values that too many current e-mails share.
4. **Exact spelling** (`identifiers.py`): external ids and a CDP's ids are compared unchanged, e-mails and phones in one
   canonical form.
5. **Sending**: a second identifier is sent with the first only when it is free or already the person's (`sending.py`).
6. **Leaving** searches under all known identifiers of the person, and takes off only the person's profiles
   (`leaving.py`).
7. **Delivered means on the list** (`sending.py`).
8. **An erasure reaches one person** and never follows a chain of shared values (`erasing.py`).

docs/identity.md explains the rules to users of Ferry.
"""
