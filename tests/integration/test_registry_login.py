"""Credentials of registries: OAuth refresh tokens and credential helpers, with a token server and
a registry that this process plays inside the sandbox."""
import base64
import json
import stat
import urllib.parse

import pytest
from fake_registry import FakeRegistry, Image, make_layer
from fixtures import Engine

REFRESH, ACCESS = "refresh-me", "let-me-in"
HELPER = """#!/usr/bin/python3
# docker-credential-fake: one JSON file; its calls are counted in the file .calls.
import json, os, sys
path = os.environ["FAKE_STORE"]
store = json.load(open(path)) if os.path.exists(path) else {}
verb, text = sys.argv[1], sys.stdin.read().strip()
open(path + ".calls", "a").write(verb + "\\n")
if verb == "get":
    if text not in store:
        print("credentials not found in native keychain")
        sys.exit(1)
    print(json.dumps(store[text]))
elif verb == "store":
    entry = json.loads(text)
    store[entry["ServerURL"]] = entry
elif verb == "erase":
    store.pop(text, None)
json.dump(store, open(path, "w"))
"""


class TokenRegistry(FakeRegistry):
    """Asks for a Bearer token, which its own /token gives for user:secret or for REFRESH."""

    def __init__(self, listener):
        super().__init__(listener=listener)
        self.on_request, self.forms = self.check, []
        self.image = Image([make_layer({"file": b"content"})])
        self.add(self.image)

    def check(self, handler):
        if handler.path.startswith("/token"):
            return self.give_token(handler) or True
        if handler.headers.get("Authorization") == f"Bearer {ACCESS}":
            return False
        handler.reply(401, b"{}", WWW_Authenticate=(
            f'Bearer realm="http://{self.host}/token",service="{self.host}",'
            'scope="repository:private:pull"'))
        return True

    def give_token(self, handler):
        if handler.command == "POST":
            form = dict(urllib.parse.parse_qsl(handler.body.decode()))
            self.forms.append(form)
            good = form.get("grant_type") == "refresh_token" and form["refresh_token"] == REFRESH
            answer = {"access_token": ACCESS}
        else:
            query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(handler.path).query))
            login = base64.b64encode(b"user:secret").decode()
            good = handler.headers.get("Authorization") == f"Basic {login}"
            answer = {"token": ACCESS}
            if query.get("offline_token") == "true":
                answer["refresh_token"] = REFRESH
        handler.reply(200 if good else 401, json.dumps(answer if good else {}).encode())


@pytest.fixture(scope="module")
def private(sandbox):
    fake = TokenRegistry(sandbox.listen(("127.0.0.1", 6000)))
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def user(sandbox, scratch):
    """An engine whose client finds docker-credential-fake."""
    programs = scratch / "programs"
    programs.mkdir()
    helper = programs / "docker-credential-fake"
    helper.write_text(HELPER)
    helper.chmod(helper.stat().st_mode | stat.S_IXUSR)
    directory = scratch / "user"
    (directory / "config").mkdir(parents=True)
    engine = Engine(sandbox, directory, environment={
        "PATH": f"{programs}:/usr/bin:/bin", "FAKE_STORE": str(directory / "store.json")}).start()
    yield engine
    engine.close()


def configure(user, **content):
    (user.directory / "config/config.json").write_text(json.dumps(content))


def configuration(user):
    return json.loads((user.directory / "config/config.json").read_text())


def login(user, private, **options):
    return user.cli("login", "-u", "user", "--password-stdin", private.host, input="secret",
                    **options)


def pull_afresh(user, private, check):
    user.cli("rmi", f"{private.host}/private")
    return user.cli("pull", f"{private.host}/private", check=check)


def test_login_keeps_the_refresh_token_and_pull_uses_it(user, private):
    configure(user)
    assert "Login Succeeded" in login(user, private, check=0).stdout
    entry = configuration(user)["auths"][private.host]
    assert entry["identitytoken"] == REFRESH
    assert b"secret" not in base64.b64decode(entry.get("auth", ""))
    private.forms.clear()
    pull_afresh(user, private, check=0)
    assert private.forms and private.forms[0]["refresh_token"] == REFRESH
    assert private.forms[0]["service"] == private.host
    assert private.forms[0]["scope"] == "repository:private:pull"


def test_a_refresh_token_that_is_no_longer_good_is_told(user, private):
    configure(user, auths={private.host: {"auth": base64.b64encode(b"u:").decode(),
                                          "identitytoken": "revoked"}})
    done = pull_afresh(user, private, check=1)
    assert private.host in done.stderr or "unauthorized" in done.stderr


def test_a_wrong_password_is_not_kept(user, private):
    configure(user)
    done = user.cli("login", "-u", "user", "--password-stdin", private.host, input="wrong")
    assert done.returncode == 1 and not configuration(user).get("auths")


def test_a_helper_keeps_what_login_learns(user, private):
    configure(user, credsStore="fake")
    login(user, private, check=0)
    assert configuration(user)["auths"] == {private.host: {}}
    stored = json.loads((user.directory / "store.json").read_text())[private.host]
    assert (stored["Username"], stored["Secret"]) == ("<token>", REFRESH)
    private.forms.clear()
    pull_afresh(user, private, check=0)
    assert private.forms[0]["refresh_token"] == REFRESH
    user.cli("logout", private.host, check=0)
    assert json.loads((user.directory / "store.json").read_text()) == {}
    assert not configuration(user).get("auths")
    assert pull_afresh(user, private, check=1)


def test_the_helper_of_one_registry_stands_before_the_common_one(user, private):
    configure(user, credsStore="absent", credHelpers={private.host: "fake"})
    calls = user.directory / "store.json.calls"
    before = len(calls.read_text().split()) if calls.exists() else 0
    login(user, private, check=0)
    pull_afresh(user, private, check=0)
    assert calls.read_text().split()[before:].count("store") == 1
    user.cli("logout", private.host, check=0)


def test_a_helper_that_is_not_there_is_named(user, private):
    configure(user, credsStore="absent")
    done = login(user, private)
    assert done.returncode == 1 and "docker-credential-absent" in done.stderr
