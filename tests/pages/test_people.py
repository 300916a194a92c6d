"""Who may see and change what: the login, the roles, and the address that the app listens on."""

import ast
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import multiannotator_core as mc
from pages import _people, _runs
from tests.crowds import crowd
from tests.pages.waiting import settled

ROOT = Path(__file__).parent.parent.parent
LOGIN = {"redirect_uri": "http://127.0.0.1/oauth2callback", "cookie_secret": "x" * 40}
ROLES = {"owner": ["ana@example.org"], "reviewer": ["bo@example.org"], "viewer": ["*@example.org"]}


def sign_in(app, address, **claims):
    """The app as somebody sees it who has logged in."""
    app.user = {"is_logged_in": True, "email": address, **claims}
    return app


@pytest.fixture
def team(app):
    """A small dataset in an app with a login; its owner is logged in."""
    frame, _ = crowd(n_examples=30)
    _runs.store().add_dataset(mc.CrowdLabels.from_long(frame), name="small")
    app.secrets["auth"] = LOGIN
    app.secrets["crowdlens"] = {"roles": ROLES}
    return settled(sign_in(app, "ana@example.org").run())


def said(app):
    return [e.value.replace("\\", "") for kind in (app.warning, app.error, app.info, app.caption, app.markdown) for e in kind]


def dataset():
    return _runs.store().datasets()[0].id


@pytest.mark.parametrize(
    ("address", "expected"),
    [("ana@example.org", "owner"), (" BO@Example.org", "reviewer"), ("cy@example.org", "viewer"), ("cy@example.com", None), ("", None)],
)
def test_the_highest_role_counts(address, expected):
    """Addresses are compared without case, a domain stands for all in it, and who is in no list has no role."""
    assert expected == _people.role_of(address, ROLES)


@pytest.mark.parametrize(("roles", "words"), [({"admin": ["a@b.c"]}, "unknown role"), ({"owner": 3}, "list of e-mail addresses")])
def test_wrong_roles_let_nobody_in(roles, words):
    """A slip in the configuration is refused instead of read as something else."""
    with pytest.raises(_people.NotAllowedError, match=words):
        _people.role_of("a@b.c", roles)


@pytest.mark.parametrize(
    ("user", "roles", "words"),
    [
        ({"is_logged_in": False}, ROLES, "The labels are for people whom their owner has invited."),
        ({"is_logged_in": True, "email": "eve@elsewhere.org"}, ROLES, "eve@elsewhere.org is in no list of roles"),
        ({"is_logged_in": True, "email": "ana@example.org", "email_verified": False}, ROLES, "no verified e-mail address"),
        ({"is_logged_in": True, "sub": "7"}, ROLES, "no verified e-mail address"),
        ({"is_logged_in": True, "email": "ana@example.org"}, None, "in no list of roles"),
        ({"is_logged_in": True, "email": "ana@example.org"}, {"boss": ["ana@example.org"]}, "unknown role"),
    ],
    ids=["nobody", "stranger", "unverified", "nameless", "no-roles", "wrong-roles"],
)
def test_who_is_not_let_in_sees_nothing(team, user, roles, words):
    """Without a login, or in no list, every page is one sentence: no name of a dataset, no number, no link to data."""
    team.secrets["crowdlens"] = {} if roles is None else {"roles": roles}
    team.user = user
    for page in ("overview", "review", "data"):
        team.switch_page(f"pages/{page}.py").run()

        assert [e.value for e in team.exception] == []
        assert any(words in line for line in said(team))
        assert len(team.selectbox) == len(team.dataframe) == len(team.metric) == 0
        assert not any("30 examples" in line for line in said(team))


@pytest.mark.parametrize("page", ["review", "history", "data", "annotators", "train", "overview"])
def test_a_viewer_sees_all_and_no_button_to_change_it(team, page):
    """The pages of a viewer have their content, and none of the buttons and inputs that change the store."""
    changing = (
        "decide_",
        "flag_",
        "accept",
        "exclude",
        "restore",
        "remove_dataset",
        "upload_labels",
        "upload_gold",
        "upload_pred_probs",
        "upload_content",
        "load_sample",
        "Take back",
        "reviewer",
    )
    sign_in(team, "cy@example.org").switch_page(f"pages/{page}.py").run()
    settled(team)
    found = [e.key or e.label for kind in (team.button, team.file_uploader, team.text_input) for e in kind]

    assert [e.value for e in [*team.exception, *team.error]] == []
    assert any("cy@example.org · viewer" in line for line in said(team))
    assert [name for name in found if str(name).startswith(changing)] == []


def test_a_request_of_a_viewer_with_a_forged_button_writes_nothing(team):
    """Whoever was a reviewer when the page was drawn, and clicks when they no longer are, is refused: nothing is written."""
    words = []
    for key in ("decide_0", "flag_ambiguous", "exclude_this"):
        sign_in(team, "bo@example.org").switch_page("pages/review.py").run()
        settled(team)
        button = team.button(key=key)
        sign_in(team, "cy@example.org")
        button.click().run()
        words.append([line for line in said(team) if "takes the role reviewer" in line])
    store = _runs.store()

    assert store.history(dataset()).empty
    assert store.exclusions(dataset()).empty
    assert all(words)


def everything(script_role):
    """Tries every change of the store, as a forged request would; runs inside of a page."""
    import streamlit as st

    from pages._people import RIGHTS, NotAllowedError, write

    st.session_state["_who"] = st.session_state["reviewer"] = "ana@example.org"
    refused = []
    for change in RIGHTS:
        try:
            write(change, "0" * 32)
        except NotAllowedError:
            refused.append(change)
        except (TypeError, ValueError):
            pass
    st.text(" ".join(refused))


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("cy@example.org", list(_people.RIGHTS)),
        ("bo@example.org", [change for change, role in _people.RIGHTS.items() if role == "owner"]),
        ("ana@example.org", []),
        ("eve@elsewhere.org", list(_people.RIGHTS)),
    ],
)
def test_every_write_looks_up_the_role(address, expected):
    """A viewer is refused every change, a reviewer those of an owner; a typed name of somebody else changes nothing in that."""
    page = AppTest.from_function(everything, default_timeout=30, args=("x",))
    page.secrets.update(auth=LOGIN, crowdlens={"roles": ROLES})
    sign_in(page, address).run()

    assert [e.value for e in page.exception] == []
    assert page.text[0].value.split() == expected


def test_decisions_are_signed_with_the_login(team):
    """With a login nobody is asked for a name, and nobody can decide under another one."""
    sign_in(team, "bo@example.org").switch_page("pages/review.py").run()
    settled(team)
    team.session_state["_who"] = team.session_state["reviewer"] = "Somebody Else"
    team.button(key="decide_0").click().run()

    assert not [field for field in team.text_input if field.key == "reviewer"]
    assert _runs.store().history(dataset())["reviewer"].tolist() == ["bo@example.org"]


def test_an_open_app_is_for_this_computer_only(app, monkeypatch):
    """Without a login the app says that it is open; bound to another address it shows nothing, unless that is wanted."""
    frame, _ = crowd(n_examples=30)
    _runs.store().add_dataset(mc.CrowdLabels.from_long(frame), name="small")
    here = said(settled(app.run()))
    monkeypatch.setattr(_people, "_only_here", lambda: False)
    closed = app.run()
    told, tables = said(closed), len(closed.metric) + len(closed.dataframe)
    monkeypatch.setenv("CROWDLENS_ALLOW_OPEN", "1")
    allowed = said(app.run())

    assert any("No login: open to everybody at this computer" in line for line in here)
    assert any("can be reached from other computers, so it shows nothing" in line for line in told)
    assert tables == 0
    assert any("everybody who reaches this address sees and changes all" in line for line in allowed)


@pytest.mark.parametrize(
    ("address", "here"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("unix:///run/app", True), ("0.0.0.0", False), ("", False), ("::", False)],
)
def test_which_addresses_are_this_computer(monkeypatch, address, here):
    """Loopback and sockets of this computer are; no address at all means every one."""
    monkeypatch.setattr(st, "get_option", lambda name: address)

    assert _people._only_here() is here


def test_roles_without_a_login_let_nobody_in(app):
    """Whoever writes roles means them: without a login nobody is let in."""
    app.secrets["crowdlens"] = {"roles": ROLES}
    app.run()

    assert any("roles but no login" in line for line in said(app))
    assert not [b for b in app.button if b.key == "load_sample"]


def test_a_broken_configuration_lets_nobody_in(app, monkeypatch, tmp_path):
    """secrets.toml may hold the login: when it cannot be read, the app does not run as if there were none."""
    broken = tmp_path / "secrets.toml"
    broken.write_text("[auth\n")
    monkeypatch.setattr(st, "secrets", type(st.secrets)())
    original = st.get_option
    monkeypatch.setattr(st, "get_option", lambda name: [str(broken)] if name == "secrets.files" else original(name))
    app.run()

    assert any("secrets.toml cannot be read, so nobody is let in" in line for line in said(app))
    assert not [b for b in app.button if b.key == "load_sample"]


GENERIC = {"update", "remove", "rename"}  # other things have methods of these names


def writes(path):
    """Calls in a file that change the store, around `write`."""
    tree = ast.parse(path.read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
    stores = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and "store()" in ast.unparse(node.value)
        for target in ast.walk(node)
        if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store)
    }
    for call in calls:
        owner = ast.unparse(call.func.value)
        if call.func.attr in set(_people.RIGHTS) - GENERIC or (call.func.attr in GENERIC and owner in {"store()", *stores}):
            yield ast.unparse(call.func)


@pytest.mark.parametrize("path", sorted((ROOT / "pages").glob("*.py")), ids=lambda p: p.name)
def test_every_write_of_the_pages_goes_through_one_function(path):
    """No page changes the store itself: `write` is the only way."""
    assert list(writes(path)) == []


def test_the_check_of_writes_can_fail(tmp_path):
    """A write around `write` would be seen, by its name or by the variable that holds the store."""
    (tmp_path / "bad.py").write_text("store().decide(1)\na, known = store(), {}\na.remove(2)\nknown.update(x=1)\n")

    assert "store().decide" in list(writes(tmp_path / "bad.py"))
    assert "a.remove" in list(writes(tmp_path / "bad.py"))
