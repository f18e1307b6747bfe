"""A real mail server (Debian's exim4-daemon-light) as an ordinary process on loopback, with a folder
and a configuration of its own: STARTTLS on one port, TLS from the first byte on another, a login, and
recipients that it refuses for now or for good. What it takes it puts into a folder of mails."""

import email
import email.policy
import os
import pathlib
import pwd
import shutil
import socket
import subprocess
import tempfile
import time

from daemon_process import reserve_port

USER, PASSWORD = "stepwell", "exim-pässw0rd"

CONFIGURATION = r"""
primary_hostname = mail.test
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/pid
local_interfaces = <; 127.0.0.1.{port} ; 127.0.0.1.{tls_port}
tls_on_connect_ports = {tls_port}
tls_advertise_hosts = *
tls_certificate = {folder}/certificate.pem
tls_privatekey = {folder}/key.pem
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
acl_smtp_rcpt = recipient
host_lookup =
rfc1413_query_timeout = 0s
message_size_limit = 4M
log_selector = +smtp_connection
keep_environment =
begin acl
recipient:
  deny !authenticated = *
       message = log in first
  deny local_parts = nobody
       message = no such person
  defer local_parts = later
       message = come back later
  accept
begin routers
all:
  driver = accept
  transport = folder
begin transports
folder:
  driver = appendfile
  directory = {folder}/mails
  maildir_format
  batch_max = 100
  envelope_to_add
  return_path_add
  user = {user}
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{name}}}}}{{eq{{$auth3}}{{{password}}}}}}}{{yes}}{{no}}}}
"""


class MailServer:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="stepwell-mail."))
        self.reserved = reserve_port(), reserve_port()
        self.port, self.tls_port = (each.getsockname()[1] for each in self.reserved)
        self.url = f"smtp://localhost:{self.port}"
        self.tls_url = f"smtps://localhost:{self.tls_port}"
        # Started by root it goes on as a user of its own.
        user = "Debian-exim" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name
        for name in ("spool", "log", "mails"):
            (self.folder / name).mkdir()
        self.certificate = self.folder / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                        "-keyout", self.folder / "key.pem", "-out", self.certificate],
                       check=True, capture_output=True)
        self.folder.chmod(0o755)
        if os.getuid() == 0:
            for path in (self.folder, *self.folder.iterdir()):
                shutil.chown(path, user, user)
        # It trusts a configuration that its starter owns.
        settings = self.folder / "configuration"
        settings.write_text(CONFIGURATION.format(
            folder=self.folder, port=self.port, tls_port=self.tls_port, user=user, name=USER,
            password=PASSWORD))
        settings.chmod(0o644)
        self.process = subprocess.Popen(
            ["/usr/sbin/exim4", "-bdf", "-C", settings], stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        self.wait_until(lambda: self.process.poll() is not None or self.answers())
        if self.process.poll() is not None:
            raise AssertionError("exim4 did not start: " + self.process.stderr.read().decode())
        self.wait_until(lambda: "(TCP/IP connection count" in self.log())
        self.own_connections = self.log().count("(TCP/IP connection count")

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    @staticmethod
    def wait_until(holds, patience=30):
        end = time.monotonic() + patience
        while not holds():
            if time.monotonic() > end:
                raise AssertionError("waited in vain")
            time.sleep(0.02)

    def log(self):
        main = self.folder / "log" / "mainlog"
        return main.read_text(errors="replace") if main.exists() else ""

    def connections(self):
        """So many that others have opened."""
        return self.log().count("(TCP/IP connection count") - self.own_connections

    def files(self):
        arrived = self.folder / "mails" / "new"
        return sorted(arrived.iterdir()) if arrived.exists() else []

    def mails(self, count):
        """The mails, once there are so many; read by Python's own parser."""
        self.wait_until(lambda: len(self.files()) >= count)
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
                for path in self.files()]

    def close(self):
        self.process.terminate()
        self.process.wait(30)
        self.process.stderr.close()
        for each in self.reserved:
            each.close()
        shutil.rmtree(self.folder, ignore_errors=True)
