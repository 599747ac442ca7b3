"""Cookies of sessions: who can make one, and when it ends."""

from __future__ import annotations

import pytest

from console.auth.sessions import LASTS, Sessions, begun
from queues import users
from queues.connections.accounts import Cipher
from queues.users import Role, User

NOW = 1_800_000_000
ANN = User("ann", Role.VIEWER, users.digest("ferry_ann"), 1)
OLD, NEW = "the old secret of this installation", "the new secret of this installation"


def test_a_session_is_read_as_it_was_written_with_the_age_of_its_cookie() -> None:
    sessions, session = Sessions((OLD,)), begun(ANN)
    assert sessions.read(sessions.cookie(session, NOW), NOW + 60) == (session, 60)


def test_a_cookie_ends_after_twelve_hours() -> None:
    sessions = Sessions((OLD,))
    cookie = sessions.cookie(begun(ANN), NOW)
    assert sessions.read(cookie, NOW + LASTS) is not None
    assert sessions.read(cookie, NOW + LASTS + 1) is None


def test_a_secret_can_be_exchanged_without_ending_sessions() -> None:
    session = begun(ANN)
    cookie = Sessions((OLD,)).cookie(session, NOW)
    assert Sessions((NEW, OLD)).read(cookie, NOW) == (session, 0)
    assert Sessions((NEW,)).read(cookie, NOW) is None
    assert Sessions((NEW,)).read(Sessions((NEW, OLD)).cookie(session, NOW), NOW) == (session, 0)


@pytest.mark.parametrize("cookie", ["", "x", "gAAAAAB", "é", "\ud800"])
def test_what_is_no_cookie_is_no_session(cookie: str) -> None:
    assert Sessions((OLD,)).read(cookie, NOW) is None


def test_a_cookie_that_was_altered_anywhere_is_no_session() -> None:
    sessions = Sessions((OLD,))
    cookie = sessions.cookie(begun(ANN), NOW)
    for place in range(0, len(cookie), 7):
        altered = cookie[:place] + ("A" if cookie[place] != "A" else "B") + cookie[place + 1 :]
        assert sessions.read(altered, NOW) is None


def test_a_cookie_shows_neither_the_name_nor_anything_of_the_token() -> None:
    cookie = Sessions((OLD,)).cookie(begun(ANN), NOW)
    assert "ann" not in cookie
    assert ANN.hash[:16] not in cookie


def test_what_was_encrypted_for_another_purpose_is_no_session() -> None:
    assert Sessions((OLD,)).read(Cipher((OLD,)).encrypt("pk_x").decode(), NOW) is None


def test_without_a_secret_there_are_no_sessions() -> None:
    sessions = Sessions(())
    assert not sessions.are_on
    assert sessions.read(Sessions((OLD,)).cookie(begun(ANN), NOW), NOW) is None
    with pytest.raises(ValueError, match="FERRY_SECRET_KEY"):
        sessions.cookie(begun(ANN), NOW)


def test_a_session_is_its_users_while_the_token_stays() -> None:
    session = begun(ANN)
    assert session.is_of(User("ann", Role.ADMIN, ANN.hash, 2)), "the role is looked up each time"
    assert not session.is_of(User("ann", Role.VIEWER, users.digest("ferry_another"), 2))
    assert not session.is_of(User("ben", Role.VIEWER, ANN.hash, 1))


def test_no_two_sessions_share_anything() -> None:
    one, other = begun(ANN), begun(ANN)
    assert one.id != other.id
    assert one.csrf != other.csrf
