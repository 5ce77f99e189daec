"""Key files: made once, for one owner, and read back; what `principals.yaml` is told fits them."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat

from routing.control.keys import KeyFileError, entry, make_key, read_key
from routing.control.principals import PrincipalsError, Role, read_principals


def test_a_key_is_made_for_its_owner_alone_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "sluice" / "key.pem"
    key = make_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_key(path).private_bytes_raw() == key.private_bytes_raw()


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    make_key(path)
    before = path.read_bytes()
    with pytest.raises(KeyFileError, match="is not overwritten"):
        make_key(path)
    assert path.read_bytes() == before


def test_the_entry_is_what_principals_are_read_from(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key.pem")
    path = tmp_path / "principals.yaml"
    path.write_text("principals:\n" + entry("ada", key, [Role.REQUEST, Role.APPROVE]) + "\n")
    ada = read_principals(path)["ada"]
    assert ada.key.public_bytes_raw() == key.public_key().public_bytes_raw()
    assert ada.roles == {Role.REQUEST, Role.APPROVE}


def test_files_that_are_not_used(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    with pytest.raises(KeyFileError, match="sluice rollout key new"):
        read_key(path)
    key = make_key(path)
    path.chmod(0o640)
    with pytest.raises(KeyFileError, match="chmod 600"):
        read_key(path)
    path.chmod(0o600)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")))
    with pytest.raises(KeyFileError, match="without a passphrase"):
        read_key(path)
    other = Ed448PrivateKey.generate()
    path.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(KeyFileError, match="another kind of key"):
        read_key(path)
    path.write_text("no key")
    path.chmod(0o644)  # as any file has: what is wrong with it is not that
    with pytest.raises(KeyFileError, match="holds no private key"):
        read_key(path)


@pytest.mark.parametrize(
    ("lines", "match"),
    [
        (("  ada: {key: K, roles: [request]}", "  ada-ci: {key: K, roles: [approve]}"), "ada-ci: has the key of ada"),
        (("  ada: {key: K, roles: [request]}", "  'ada': {key: L, roles: [approve]}"), "ada stands twice"),
        (("  ada: {key: K, key: L, roles: [request]}",), "key stands twice"),
        (("  1: {key: K, roles: [request]}",), "1 is no name: write it in quotes"),
        (("  ada: {key: K, roles: [request]}", "  b: " + "[" * 1_000 + "]" * 1_000), "recursion"),
    ],
)
def test_nobody_is_two_people_and_no_name_is_two_keys(tmp_path: Path, lines: tuple[str, ...], match: str) -> None:
    for letter in "KL":
        made = entry("x", make_key(tmp_path / f"{letter}.pem")).split('"')[1]
        lines = tuple(line.replace(f"key: {letter}", f"key: {made}") for line in lines)
    path = tmp_path / "principals.yaml"
    path.write_text("principals:\n" + "\n".join(lines) + "\n")
    with pytest.raises(PrincipalsError, match=match):
        read_principals(path)
