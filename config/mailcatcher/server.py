"""A mail server that stores every email as a file and forwards none. `make demo` starts it as a child process."""

import argparse
import asyncio
import signal
import socket
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from config.mailcatcher.emails import keep

ACCEPTED = "250 OK"


class MailHandler:
    """Accepts every email, for any recipient."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Store the email, then reply."""
        assert isinstance(envelope.content, bytes)
        keep(self.folder, envelope.content)
        return ACCEPTED


async def serve(listener: socket.socket, folder: Path) -> None:
    """Serve on the socket until a signal asks to stop."""
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    for stop in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(stop, stopping.set)
    server = await loop.create_server(lambda: SMTP(MailHandler(folder), enable_SMTPUTF8=True), sock=listener)
    async with server:
        await stopping.wait()


def main() -> None:
    """Serve on a socket that the parent has bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("descriptor", type=int, help="the socket to serve on")
    parser.add_argument("folder", type=Path, help="where the mails are kept")
    arguments = parser.parse_args()
    asyncio.run(serve(socket.socket(fileno=arguments.descriptor), arguments.folder))


if __name__ == "__main__":
    main()
