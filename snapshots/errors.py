"""Why a snapshot is not carried out, or the list of a campaign not named."""

from __future__ import annotations


class Unreadable(Exception):
    """The body of a snapshot is not in its format, or breaks off. The message names the place and the remedy.

    It refuses the whole snapshot: a row that is not understood may be a person, who would be taken off the list.
    """


class TemplateError(Exception):
    """The name of a campaign's list cannot be made from its template. The message says what is wrong and the remedy."""
