"""Who is who: the rules by which Ferry tells people apart. Pure, and used by every source.

1. **E-mail decides.** Changes with two different valid e-mails are never one person. Without an e-mail a change belongs
   to the person of its strongest identifier, and to the one e-mail that goes with it, if there is exactly one
   (`persons.py`).
2. **Ordering is not coalescing.** All unblocked identifiers of a change are keys that keep its order (`keys.py`); the
   first one names the person, and only the rules of 1 join changes (`persons.py`).
3. **Values that identify nobody are blocked** (`blocked.py`), and so is a value that too many current e-mails share.
4. **Exact spelling** (`identifiers.py`): external ids and a CDP's own ids as they are, e-mails and phones in one form
   each.
5. **What is sent**: a second identifier goes with the first only when it is free or the person's own (`sending.py`).
6. **Leaving** looks under everything the person is known by, and takes off only profiles that are the person's
   (`leaving.py`).
7. **Delivered means on the list** (`settings.py`).
8. **An erasure reaches one person**, never by a chain of shared values (`erasing.py`).

docs/identity.md explains them to people who use Ferry.
"""
