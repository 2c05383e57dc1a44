"""Keys in a keychain: what is kept, what is refused, and that no error tells a secret."""

import traceback

import keyring
import keyring.backends.fail
import keyring.backends.null
import pytest
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked, PasswordSetError
from keyrings.alt.file import EncryptedKeyring, PlaintextKeyring

import fulgurite
from fulgurite.client.credentials import keychain, remove, save, saved_names
from fulgurite.errors import InputError, KeychainError
from tests.keychains import MemoryKeychain

SECRET = "canarysecret/=+"


@pytest.fixture(autouse=True)
def kept(monkeypatch):
    backend = MemoryKeychain()
    monkeypatch.setattr(keyring.core, "_keyring_backend", backend)
    return backend.entries


def use(backend: KeyringBackend) -> None:
    keyring.set_keyring(backend)


def test_a_key_is_given_as_it_was_kept():
    save("main", "key", SECRET)
    credentials = fulgurite.keychain("main")
    assert credentials() == ("key", SECRET)
    save("main", "newer", SECRET)
    assert credentials() == ("newer", SECRET)


def test_names_are_listed_and_a_removed_key_is_gone(kept):
    assert saved_names() == []
    save("b", "key", SECRET)
    save("a.b-c_1", "key", SECRET)
    assert saved_names() == ["a.b-c_1", "b"]
    remove("b")
    assert saved_names() == ["a.b-c_1"]
    assert SECRET in str(kept)
    remove("a.b-c_1")
    assert SECRET not in str(kept)
    with pytest.raises(KeychainError, match="no key called 'b'"):
        remove("b")
    with pytest.raises(KeychainError, match="fulgurite credentials add b"):
        keychain("b")()


def test_a_name_whose_key_was_removed_by_other_means_can_be_removed(kept):
    save("main", "key", SECRET)
    del kept["fulgurite", "main"]
    remove("main")
    assert saved_names() == []


def test_an_entry_of_another_program_is_not_repeated(kept):
    kept["fulgurite", "main"] = SECRET
    with pytest.raises(KeychainError, match="not written by this program") as caught:
        keychain("main")()
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    kept["fulgurite: names of keys", "names"] = SECRET
    assert saved_names() == []


@pytest.mark.parametrize("name", ["", "a b", "-a", "ü", "a/b", "a" * 65, "a\n"])
def test_other_names_are_refused(name):
    for use_name in (keychain, remove, lambda name: save(name, "key", SECRET)):
        with pytest.raises(InputError, match="1 to 64"):
            use_name(name)


@pytest.mark.parametrize("value", ["", "canary secret", "canary\tsecret", "canary\x00secret", "ｃanary", "c" * 257])
@pytest.mark.parametrize("field", ["API key", "API secret"])
def test_a_key_or_secret_of_another_shape_is_refused_and_not_repeated(kept, field, value):
    pair = (value, SECRET) if field == "API key" else ("key", value)
    with pytest.raises(InputError, match=f"^{field}: .* without a space") as caught:
        save("main", *pair)
    assert not value or value not in "".join(traceback.format_exception(caught.value))
    assert kept == {}


class Chain(MemoryKeychain):
    """As keyring's chainer: several keychains as one."""

    def __init__(self, *backends: KeyringBackend) -> None:
        super().__init__()
        self.backends = backends


class OwnFile(PlaintextKeyring):  # type: ignore[misc]  # it has no types
    """What somebody made of a refused one."""


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        (PlaintextKeyring(), "keyrings.alt.file.PlaintextKeyring, which does not protect"),
        (EncryptedKeyring.__new__(EncryptedKeyring), "EncryptedKeyring, which does not protect"),
        (OwnFile(), "OwnFile, which does not protect"),
        (keyring.backends.null.Keyring(), "null.Keyring, which does not protect"),
        (keyring.backends.fail.Keyring(), "GNOME Keyring or KWallet"),
        (Chain(MemoryKeychain(), PlaintextKeyring()), "PlaintextKeyring"),
    ],
)
def test_keychains_that_keep_nothing_safe_are_refused_by_name(backend, said):
    use(backend)
    for ask in (saved_names, keychain("main"), lambda: remove("main"), lambda: save("main", "key", SECRET)):
        with pytest.raises(KeychainError, match=said):
            ask()


def test_a_chain_of_good_keychains_is_used():
    use(Chain(MemoryKeychain(), MemoryKeychain()))
    save("main", "key", SECRET)
    assert keychain("main")() == ("key", SECRET)


class Broken(MemoryKeychain):
    """Fails, and says as much as a careless keychain can."""

    def get_password(self, service, username):
        if service == "fulgurite":
            raise KeyringLocked("Failed to unlock the collection!")
        return None

    def set_password(self, service, username, password):
        if service == "fulgurite":
            raise PasswordSetError(f"cannot keep {password}")


def test_what_fails_in_the_keychain_is_told_without_the_secret():
    use(Broken())
    with pytest.raises(KeychainError, match="KeyringLocked: Failed to unlock"):
        keychain("main")()
    with pytest.raises(KeychainError, match="PasswordSetError; unlock it") as caught:
        save("main", "key", SECRET)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_without_the_library_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "keyring", None)
    with pytest.raises(KeychainError, match=r"pip install 'fulgurite\[keychain\]'"):
        saved_names()


def test_nothing_of_a_key_is_in_what_gives_it():
    save("main", "key", SECRET)
    assert SECRET not in repr(keychain("main"))
