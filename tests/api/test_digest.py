"""The digest of warnings: by mail and webhook, each thing once, what failed again."""

from __future__ import annotations

import hmac
import json
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from layers.notices import LEASE, claim, settle, unsent
from layers.standards import Standards
from layers.steward import steward
from layers.store import open_store
from layers.store.base import Change
from tests.api.faces import COMMAND, ENVIRONMENT, Answer, content, shudi
from tests.api.sinks import Hook, Post, hook, post

ON = "2026-03-31"
SECRET = "a-secret-of-this-test"


@pytest.fixture
def sink() -> Iterator[Post]:
    with post() as running:
        yield running


@pytest.fixture
def hooked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    monkeypatch.setenv("SHUDI_WEBHOOK_SECRET", SECRET)
    with hook() as running:
        yield running


def mailed(base: Path, sink: Post, *more: object, lang: str = "en", on: str = ON) -> Answer:
    where = f"smtp://127.0.0.1:{sink.port}"
    return shudi("warnings", "--on", on, "--base", base, "--mail", "li@example.org", "--smtp", where, *more, lang=lang)


@pytest.mark.parametrize(("lang", "title"), [("en", "Shudi warnings 2026-03-31: "), ("zh", "熟地预警 2026-03-31:红色")])
def test_a_mail_tells_what_is_new_and_the_next_one_nothing(own_park: Path, sink: Post, lang: str, title: str) -> None:
    said = shudi("warnings", "--on", ON, "--base", own_park, lang=lang).out
    assert mailed(own_park, sink, lang=lang).status == 0
    (mail,) = sink.mails
    assert mail["Subject"].startswith(title)
    assert mail["To"] == "li@example.org"
    text = mail.get_content().replace("\r\n", "\n")
    assert said.strip() in text
    assert ("并非真实" if lang == "zh" else "no real projects") in text
    again = mailed(own_park, sink, lang=lang)
    assert again.out == ("mail li@example.org: " + ("没有新预警\n" if lang == "zh" else "nothing new\n"))
    assert len(sink.mails) == 1
    other = mailed(own_park, sink, "--mail", "wang@example.org", "--json")
    assert [d["state"] for d in other.body] == ["nothing", "sent"]
    assert sink.mails[1]["To"] == "wang@example.org"


def test_a_mail_asks_what_often_goes_wrong_before_the_steps_that_it_warns_of(own_park: Path, sink: Post) -> None:
    assert mailed(own_park, sink).status == 0
    assert "- Is every utility ordered, and is its main in service by then?" in sink.mails[0].get_content()


def test_what_a_server_did_not_take_is_sent_again(own_park: Path, sink: Post) -> None:
    sink.refuse = "451 later"
    failed = mailed(own_park, sink)
    assert (failed.status, "did not take the mail to li@example.org (451); it is sent again next time" in failed.out) == (2, True)
    sink.refuse = ""
    assert mailed(own_park, sink).status == 0
    assert len(sink.mails) == 1
    sink.port = 1
    assert mailed(own_park, sink, on="2026-04-30").status == 2, "nobody listens there"


def test_a_dry_run_sends_and_stores_nothing(own_park: Path, sink: Post) -> None:
    before = content(own_park)
    said = mailed(own_park, sink, "--dry-run", "--json")
    assert said.body[0]["state"] == "dry_run"
    assert said.body[0]["warnings"] > 0
    assert not sink.mails
    assert content(own_park) == before


def test_a_webhook_is_signed_and_told_once_and_its_key_is_said_nowhere(own_park: Path, hooked: Hook, capfd: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    asked = ("warnings", "--on", ON, "--base", own_park, "--webhook", hooked.url)
    hooked.status = 500
    failed = shudi(*asked)
    assert (failed.status, "(500)" in failed.out) == (2, True)
    hooked.status = 302
    assert shudi(*asked).status == 2, "it follows no redirection"
    hooked.status = 204
    sent = shudi(*asked)
    assert sent.status == 0
    assert len(hooked.took) == 3
    headers, body = hooked.took[-1]
    at, made = (part.partition("=")[2] for part in headers["Shudi-Signature"].split(","))
    assert made == hmac.new(SECRET.encode(), f"{at}.".encode() + body, "sha256").hexdigest()
    told = json.loads(body)
    assert told["warnings"] == shudi("warnings", "--on", ON, "--base", own_park, "--json").body
    assert headers["Shudi-Delivery"] == told["id"] == hooked.took[0][0]["Shudi-Delivery"], "the same when it is sent again"
    assert shudi(*asked).out.endswith(": nothing new\n")
    assert len(hooked.took) == 3
    said = failed.out + failed.err + sent.out + sent.err + "".join(capfd.readouterr())
    kept = shudi("history", "--base", own_park).out + str(shudi("export", "notices", "--out", own_park.with_suffix(".csv"), "--base", own_park))  # fmt: skip
    kept += own_park.with_suffix(".csv").read_text("utf-8")
    for secret in (SECRET, "key-of-this-hook"):
        assert secret not in said + kept


def test_of_two_processes_one_sends(own_park: Path, hooked: Hook) -> None:
    command = [*COMMAND, "warnings", "--on", ON, "--base", str(own_park), "--webhook", hooked.url, "--json"]
    both = [subprocess.Popen(command, env=ENVIRONMENT | {"SHUDI_WEBHOOK_SECRET": SECRET}, stdout=subprocess.PIPE) for _ in range(2)]  # fmt: skip
    states = [json.loads(p.communicate()[0])[0]["state"] for p in both]
    assert sorted(states) == ["nothing", "sent"]
    assert len(hooked.took) == 1


def test_a_claim_whose_process_was_killed_is_taken_over_when_it_is_old(own_park: Path) -> None:
    on, lin = date(2026, 3, 31), Change("Lin")
    with closing(open_store(own_park)) as store:
        found = steward(store, Standards.load(), on).warnings
        begun = datetime(2026, 3, 31, tzinfo=UTC)
        mine = claim(store, found, "mail li", on, lin, begun)
        assert len(mine)
        assert not len(claim(store, found, "mail li", on, lin, begun + LEASE / 2))
        assert len(unsent(store, found, "mail wang", begun)) == len(mine), "another one was not told"
        again = claim(store, found, "mail li", on, lin, begun + LEASE + timedelta(seconds=1))
        assert len(again) == len(mine)
        settle(store, again, "mail li", on, True, lin)
        assert not len(claim(store, found, "mail li", on, lin, begun + 9 * LEASE))


def test_a_password_goes_only_over_an_encrypted_connection(
    own_park: Path, sink: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHUDI_SMTP_PASSWORD", "open-sesame")
    asked = ("warnings", "--on", ON, "--base", own_park, "--mail", "li@example.org", "--smtp")
    plain = shudi(*asked, f"smtp://li@127.0.0.1:{sink.port}")
    assert (plain.status, "offers no encryption" in plain.out, sink.passwords) == (2, True, [])
    certificate, context = own_certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with post(context) as secure:
        sent = shudi(*asked, f"smtps://li@127.0.0.1:{secure.port}")
        assert (sent.status, len(secure.mails), secure.passwords) == (0, 1, ["open-sesame"])
    assert "without encryption" not in sent.out
    assert "open-sesame" not in plain.out + plain.err + sent.out + sent.err


@pytest.mark.parametrize(("lang", "said"), [("en", "it went to 127.0.0.1 without encryption"), ("zh", "发往 127.0.0.1 时未加密")])
def test_what_can_be_read_on_its_way_is_said(own_park: Path, sink: Post, hooked: Hook, lang: str, said: str) -> None:
    mail, post_ = mailed(own_park, sink, "--webhook", hooked.url, lang=lang).out.splitlines()
    assert (said in mail, "smtps://" in mail) == (True, True)
    assert (said in post_, "https://" in post_) == (True, True)
    assert said not in mailed(own_park, sink, "--webhook", hooked.url, lang=lang).out, "nothing new goes nowhere"


def own_certificate(folder: Path) -> tuple[Path, ssl.SSLContext]:
    """Make a certificate for loopback, and the context of a server that shows it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / "own.pem"
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return file, context


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--mail", "li"], "is no mail address"),
        (["--mail", "li@example.org\nBcc: x@example.org", "--smtp", "smtp://127.0.0.1"], "is no mail address"),
        (["--mail", "li@example.org"], "name the mail server"),
        (["--mail", "li@example.org", "--smtp", "smtp://li:secret@h"], "its password in SHUDI_SMTP_PASSWORD"),
        (["--webhook", "file:///etc/passwd"], "--webhook is no address"),
        (["--webhook", "https://example.org/x"], "set SHUDI_WEBHOOK_SECRET"),
    ],
)
def test_what_cannot_be_sent_to_is_said_before_anything_is_stored(park: Path, given: list[str], told: str) -> None:
    before = content(park)
    answer = shudi("warnings", "--on", ON, "--base", park, *given)
    assert (answer.status, told in answer.err, "secret@" in answer.err) == (2, True, False)
    assert content(park) == before
