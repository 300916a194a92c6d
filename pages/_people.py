"""Who is in front of the page and what they may do: looked at when a page opens, and again at every write."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import streamlit as st
from streamlit.errors import Error, StreamlitSecretNotFoundError

from pages._parts import text
from pages._runs import store

ROLES = ("viewer", "reviewer", "owner")  # each may do what those before it may

# What each change of the store takes. A reviewer does what is kept with a name and can be taken back; an owner all else.
RIGHTS = {
    "decide": "reviewer",
    "undo": "reviewer",
    "exclude": "reviewer",
    "restore": "reviewer",
    "add_dataset": "owner",
    "add_version": "owner",
    "update": "owner",
    "rename": "owner",
    "allow_remote_images": "owner",
    "remove": "owner",
    "import_workspace": "owner",
}
SIGNED = ("decide", "undo", "exclude", "restore")

ALLOW_OPEN = "CROWDLENS_ALLOW_OPEN"


class NotAllowedError(ValueError):
    """Who asks for a change may not make it; the message says who can."""


@dataclass(frozen=True)
class Person:
    """Who asks: `name` is kept with what they change; without a login it is what was typed, perhaps nothing."""

    name: str
    role: str
    logged_in: bool = False


# ---------------------------------------------------------------------- who is there


def role_of(address: str, roles: Mapping[str, Any]) -> str | None:
    """The highest role whose list has an e-mail address, its domain (`*@example.org`) or everybody (`*`); None in no list.

    Raises:
        NotAllowedError: a role that does not exist, or something else than a list of texts.
    """
    own, found = address.strip().casefold(), None
    found = None
    for role in roles:
        if role not in ROLES:
            raise NotAllowedError(f"[crowdlens.roles] has an unknown role; it may have {', '.join(ROLES)}.")
    for role in ROLES:
        given = roles.get(role, [])
        listed = [given] if isinstance(given, str) else given
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise NotAllowedError(f"[crowdlens.roles] needs a list of e-mail addresses for {role}.")
        names = {one.strip().casefold() for one in listed}
        if own and names & {own, "*", f"*@{own.rpartition('@')[2]}"}:
            found = role
    return found


def _secrets() -> dict[str, Any]:
    """The configuration in secrets.toml; nothing where there is no such file.

    Raises:
        NotAllowedError: it cannot be read. Nobody is let in then: it may hold the login.
    """
    try:
        return st.secrets.to_dict()
    except StreamlitSecretNotFoundError as error:
        if not any(os.path.exists(path) for path in st.get_option("secrets.files")):
            return {}
        raise NotAllowedError("secrets.toml cannot be read, so nobody is let in. Its owner must mend it.") from error


def login_is_on() -> bool:
    """Whether secrets.toml has a login."""
    return "auth" in _secrets()


def present() -> Person:
    """Who asks, by the login as it is now, never by what the page showed before.

    Raises:
        NotAllowedError: nobody is logged in, or in no list of roles, or the app is open where it should not be.
    """
    secrets = _secrets()
    roles = dict(secrets.get("crowdlens") or {}).get("roles")
    if "auth" not in secrets:
        if roles is not None:
            raise NotAllowedError("secrets.toml has roles but no login ([auth]): nobody can be told apart, so nobody is let in.")
        if not _only_here() and os.environ.get(ALLOW_OPEN) != "1":
            raise NotAllowedError(
                "This app has no login and can be reached from other computers, so it shows nothing. Set up a login (SECURITY.md), "
                f"start it with --server.address=127.0.0.1, or set {ALLOW_OPEN}=1 if everybody who reaches it may see and change all."
            )
        return Person(str(st.session_state.get("_who", "")).strip(), "owner")
    if not st.user.get("is_logged_in"):
        raise NotAllowedError("Log in first.")
    address = str(st.user.get("email") or "")
    if not address or st.user.get("email_verified") in (False, "false"):
        raise NotAllowedError("Your login gives no verified e-mail address, so your role cannot be looked up.")
    role = role_of(address, roles or {})
    if role is None:
        raise NotAllowedError(f"{address} is in no list of roles. Ask the owner of this app to add you.")
    return Person(address, role, logged_in=True)


def _only_here() -> bool:
    """Whether the server listens on this computer only."""
    address = str(st.get_option("server.address") or "").strip("[]")
    if address == "localhost" or address.startswith("unix://"):
        return True
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def admit() -> None:
    """Let in who may see the data; all others get one sentence and what to do, and the page ends."""
    try:
        present()
        return
    except NotAllowedError as error:
        refused = str(error)
    st.title("Who are you?" if refused == "Log in first." else "You cannot see this", anchor=False)
    if refused == "Log in first.":
        st.caption("The labels are for people whom their owner has invited.")
        st.button("Log in", type="primary", icon=":material/login:", key="login", on_click=_login)
        told = st.session_state.pop("_login", None)
        if told:
            st.error(text(told, 300))
    else:
        st.warning(text(refused, 400))
        if st.user.get("is_logged_in"):
            st.button("Log out", icon=":material/logout:", key="logout", on_click=st.logout)
    st.stop()


def _login() -> None:
    try:
        st.login()
    except Error as error:
        st.session_state["_login"] = str(error)


def identity() -> None:
    """One line of the sidebar: who is logged in, or that nobody has to."""
    person = present()
    if person.logged_in:
        st.caption(f"{text(person.name, 60)} · {person.role}")
        st.button("Log out", icon=":material/logout:", type="tertiary", key="logout", on_click=st.logout)
    elif _only_here():
        st.caption(":material/lock_open: No login: open to everybody at this computer, and to nobody else")
    else:
        st.caption(":material/lock_open: No login: everybody who reaches this address sees and changes all")


def reviewer_input(key: str = "reviewer") -> str:
    """The name that is kept with each decision: that of the login; without a login it is asked once a session.

    `key` tells several such fields on a page apart; all of them show and change the same name.
    """
    person = present()
    if person.logged_in:
        st.markdown(f":gray-badge[:material/person: {text(person.name, 40)}]", width="content")
        return person.name
    words = "Your name"
    st.session_state[key] = person.name
    st.text_input(
        words,
        key=key,
        placeholder=words,
        label_visibility="collapsed",
        width=120,
        max_chars=80,
        on_change=lambda: st.session_state.update(_who=st.session_state[key]),
    )
    return person.name


# ---------------------------------------------------------------------- what they may do


def may(change: str) -> bool:
    """Whether who is there may make this change (a name in RIGHTS): pages show no button for what they may not."""
    return ROLES.index(present().role) >= ROLES.index(RIGHTS[change])


def write(change: str, *what: Any, **more: Any) -> Any:
    """Change the store: every write of the pages goes through here, and who asks is looked at anew, whatever the page showed.

    Args:
        change: the method of the store, one of RIGHTS; decisions and exclusions are signed with the name of who asks.

    Raises:
        NotAllowedError: they may not; nothing is written.
        ValueError: nobody says who they are, or the store refuses.
    """
    person = present()
    if not may(change):
        raise NotAllowedError(f"As a {person.role} you can look at everything, but this takes the role {RIGHTS[change]}. Ask the owner.")
    if change in SIGNED:
        if not person.name:
            what_is_kept = "decision" if change in ("decide", "undo") else "exclusion"
            raise ValueError(f"Say who you are first: your name is kept with each {what_is_kept}.")
        more["reviewer"] = person.name
    return getattr(store(), change)(*what, **more)
