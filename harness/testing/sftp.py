"""A small SFTP server for tests: ``python -m harness.testing.sftp FOLDER PORT PASSWORD`` on the loopback address."""

from __future__ import annotations

import asyncio
import sys

import asyncssh


class _Guard(asyncssh.SSHServer):
    """Lets whoever knows the password in."""

    def __init__(self, password: str) -> None:
        self.password = password

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return password == self.password


async def _serve(folder: str, port: int, password: str) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    server = await asyncssh.listen(
        "127.0.0.1",
        port,
        server_factory=lambda: _Guard(password),
        server_host_keys=[key],
        sftp_factory=lambda channel: asyncssh.SFTPServer(channel, chroot=folder.encode()),
    )
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
