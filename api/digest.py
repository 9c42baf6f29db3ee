"""The digest of warnings: by mail, or to a webhook; each recipient is told of the same thing once.

Passwords and secrets come from the environment, never from the command line, and nothing here repeats them: of a webhook only its
host is named, for its path may be a key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import smtplib
import ssl
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

import pandas as pd
from pydantic import BaseModel

from api.ledger import WarningRow, render_warnings
from api.models import Words
from layers.base import Text
from layers.errors import Refusal
from layers.notices import claim, named, settle, unsent
from layers.store.base import Change, Store

PATIENCE = 30
"""How long to wait for a server [s]; well below the time for which a claim holds."""
PLACES = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)*")


class DigestError(Refusal):
    """A digest cannot be sent as it was asked for."""


class DeliveryError(Refusal):
    """A server did not take a digest; it is sent again next time."""


class Digest(NamedTuple):
    """What one recipient is told: the warnings, their day, and a name that is the same whenever the same is sent again."""

    rows: list[WarningRow]
    on: date
    id: str
    language: str
    generated: bool

    @property
    def title(self) -> str:
        """Count the warnings by level."""
        levels = [r.level for r in self.rows]
        zh = {"red": "红色", "orange": "橙色", "yellow": "黄色", "notice": "提醒"}
        counts = [(levels.count(name), name, word) for name, word in zh.items() if name in levels]
        if self.language == "zh":
            return f"熟地预警 {self.on}:" + "、".join(f"{word}{n}条" for n, _, word in counts)
        return f"Shudi warnings {self.on}: " + ", ".join(f"{n} {name}" for n, name, _ in counts)

    @property
    def text(self) -> str:
        """Write what a person reads: each warning, and the questions to ask at its step."""
        zh = self.language == "zh"
        asked = dict.fromkeys(w.zh if zh else w.en for r in self.rows for w in r.checklist)
        lines = [self.title, "", render_warnings(self.rows, zh)]
        if asked:
            lines += ["", "常见问题核对:" if zh else "What often goes wrong before these steps:", *(f"- {q}" for q in asked)]
        if self.generated:
            lines += ["", "生成数据,并非真实项目" if zh else "Generated data, no real projects"]
        return "\n".join(lines) + "\n"


class Channel(Protocol):
    """A way to one recipient; `name` is how he is called in the notices."""

    @property
    def name(self) -> str:
        """Name the recipient, without any secret."""
        ...

    def send(self, digest: Digest) -> Text | None:
        """Send a digest, and tell whether it went unencrypted; DeliveryError where it was not taken."""
        ...


class Mail(NamedTuple):
    """Mail to one address through a server, as smtp://USER@HOST:PORT (encrypted where it offers that) or smtps:// (always)."""

    to: str
    server: str
    sender: str
    password: str

    @property
    def name(self) -> str:
        """Name the recipient."""
        return f"mail {self.to}"

    @classmethod
    def of(cls, to: str, server: str | None, sender: str | None) -> Mail:
        """Read addresses; DigestError where one is none, or a server is not named."""
        for address in (to, sender or ""):
            if address and not PLACES.fullmatch(address):
                raise DigestError(
                    f"{address!r} is no mail address; write NAME@HOST", f"{address!r} 不是邮箱地址,请写成 名称@主机"
                )
        parts = urlsplit(server or "")
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.password is not None:
            raise DigestError(
                "name the mail server by --smtp smtp://USER@HOST:587 or SHUDI_SMTP, its password in SHUDI_SMTP_PASSWORD",
                "请用 --smtp smtp://用户@主机:587 或 SHUDI_SMTP 指定邮件服务器,密码放在 SHUDI_SMTP_PASSWORD",
            )
        return cls(to, str(server), sender or to, os.environ.get("SHUDI_SMTP_PASSWORD", ""))

    def send(self, digest: Digest) -> Text | None:
        """Send a digest as a mail, encrypted where the server can; a password goes only so."""
        message = EmailMessage()
        message["Subject"], message["From"], message["To"] = digest.title, _address(self.sender), _address(self.to)
        message["Message-ID"] = f"<{digest.id}@{self.sender.partition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(digest.text)
        try:
            with self._opened() as server:
                plain = not isinstance(server.sock, ssl.SSLSocket)
                server.send_message(message)
        except (smtplib.SMTPException, OSError) as error:
            code = getattr(error, "smtp_code", None)
            why = type(error).__name__ if code is None else str(code)
            raise DeliveryError(
                f"the mail server did not take the mail to {self.to} ({why}); it is sent again next time",
                f"邮件服务器未接收发往 {self.to} 的邮件({why}),下次将重发",
            ) from None
        return _unencrypted(urlsplit(self.server).hostname, "smtps://") if plain else None

    def _opened(self) -> smtplib.SMTP:
        """Connect and log in."""
        parts, secure = urlsplit(self.server), ssl.create_default_context()
        host, direct = parts.hostname or "", parts.scheme == "smtps"
        port = parts.port or (465 if direct else 587)
        server = (
            smtplib.SMTP_SSL(host, port, timeout=PATIENCE, context=secure)
            if direct
            else smtplib.SMTP(host, port, timeout=PATIENCE)
        )
        server.ehlo()
        if not direct and server.has_extn("starttls"):
            server.starttls(context=secure)
            server.ehlo()
            direct = True
        if parts.username and self.password:
            if not direct:
                server.close()
                raise DeliveryError(
                    f"{host} offers no encryption, and the password is not sent without; use smtps:// or a server with STARTTLS",
                    f"{host} 不支持加密,不会明文发送密码;请改用 smtps:// 或支持 STARTTLS 的服务器",
                )
            server.login(parts.username, self.password)
        return server


def _unencrypted(host: str | None, scheme: str) -> Text:
    """Say that what was sent can be read on its way."""
    return Text(
        f"it went to {host} without encryption, and can be read on its way; {scheme} never does",
        f"发往 {host} 时未加密,途中可被读取;{scheme} 始终加密",
    )


def _address(said: str) -> Address:
    name, _, host = said.rpartition("@")
    return Address(username=name, domain=host)


class Webhook(NamedTuple):
    """An address that takes a digest as JSON by POST, signed with a secret that both know."""

    url: str
    secret: str

    @property
    def name(self) -> str:
        """Name the host, and the whole address by a hash."""
        return f"webhook {urlsplit(self.url).hostname} {hashlib.sha256(self.url.encode()).hexdigest()[:12]}"

    @classmethod
    def of(cls, url: str) -> Webhook:
        """Read an address; DigestError where it is none, or no secret is there to sign with."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise DigestError("--webhook is no address; write https://HOST/PATH", "--webhook 不是网址,请写成 https://主机/路径")
        if not (secret := os.environ.get("SHUDI_WEBHOOK_SECRET", "")):
            raise DigestError(
                "set SHUDI_WEBHOOK_SECRET to the secret that the receiver checks the signature with",
                "请设置 SHUDI_WEBHOOK_SECRET,接收方用它核对签名",
            )
        return cls(url, secret)

    def send(self, digest: Digest) -> Text | None:
        """Post a digest: `Shudi-Signature: t=SECONDS,v1=HMAC-SHA256 of "SECONDS.BODY"`; it follows no redirection."""
        import requests

        told = {"id": digest.id, "on": str(digest.on), "title": digest.title, "text": digest.text, "generated": digest.generated}
        body = json.dumps({**told, "warnings": [r.model_dump(mode="json") for r in digest.rows]}, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "Shudi-Delivery": digest.id, "Shudi-Signature": signature(body, self.secret, int(time.time()))}  # fmt: skip
        host = urlsplit(self.url).hostname
        try:
            answer = requests.post(self.url, body, headers=headers, timeout=PATIENCE, allow_redirects=False)
            why = "" if 200 <= answer.status_code < 300 else str(answer.status_code)
        except requests.RequestException as error:
            why = type(error).__name__
        if why:
            raise DeliveryError(
                f"the webhook at {host} did not take the digest ({why}); it is sent again next time",
                f"{host} 的 webhook 未接收({why}),下次将重发",
            ) from None
        return _unencrypted(host, "https://") if urlsplit(self.url).scheme == "http" else None


def signature(body: bytes, secret: str, at: int) -> str:
    """Sign a body as of a second: both are under the signature, so that an old one cannot be sent again."""
    made = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={made}"


class Delivery(BaseModel):
    """How the telling of one recipient went: sent, nothing (there was nothing new), failed, or would be sent (a dry run).

    caution: what was sent went without encryption.
    """

    recipient: str
    state: Literal["sent", "nothing", "failed", "dry_run"]
    warnings: int
    error: Words | None = None
    caution: Words | None = None


def deliver(
    store: Store, found: pd.DataFrame, channels: Sequence[Channel], on: date, change: Change,
    written: Callable[[pd.DataFrame], list[WarningRow]], language: str, dry_run: bool = False,
) -> list[Delivery]:  # fmt: skip
    """Tell each recipient what he was not told yet; what one does not take is sent to him again next time."""
    told = []
    for channel in channels:
        mine = unsent(store, found, channel.name) if dry_run else claim(store, found, channel.name, on, change)
        if dry_run or not len(mine):
            told.append(Delivery(recipient=channel.name, state="dry_run" if dry_run else "nothing", warnings=len(mine)))
            continue
        id = hashlib.sha256("\n".join(named(mine, channel.name)).encode()).hexdigest()[:32]
        failed: DeliveryError | None = None
        caution: Text | None = None
        try:
            caution = channel.send(Digest(written(mine), on, id, language, "generated" in store.title))
        except DeliveryError as error:
            failed = error
        except BaseException:
            with suppress(Refusal):
                settle(store, mine, channel.name, on, False, change)
            raise
        settle(store, mine, channel.name, on, failed is None, change)
        told.append(Delivery(recipient=channel.name, state="failed" if failed else "sent", warnings=len(mine), error=Words.of(failed.text) if failed else None, caution=Words.of(caution) if caution else None))  # fmt: skip
    return told


def render(deliveries: Sequence[Delivery], zh: bool) -> str:
    """Say to a person how each recipient was told."""
    words = {
        "sent": Text("sent {n}", "已发送 {n} 条"), "nothing": Text("nothing new", "没有新预警"), "failed": Text("not sent: {why}", "未发送:{why}"),
        "dry_run": Text("would send {n}", "将发送 {n} 条"),
    }  # fmt: skip
    lines = []
    for d in deliveries:
        said = words[d.state].zh if zh else words[d.state].en
        lines.append(f"{d.recipient}: " + said.format(n=d.warnings, why=(d.error.zh if zh else d.error.en) if d.error else ""))
        if d.caution:
            lines[-1] += f"({d.caution.zh})" if zh else f" ({d.caution.en})"
    return "\n".join(lines)
