"""Registries behind TLS: authorities and client certificates of certs.d, HTTP/2, both through
Debian's nginx in front of Debian's registry. The address is none of the loopback network, where
certificates are not checked (as in docker)."""
import pathlib
import subprocess

import pytest
from fixtures import ROOT, Engine, wait_until

HOST = "10.99.0.1"
TRUSTED, CLIENTS_ONLY, WRONG_NAME = f"{HOST}:8443", f"{HOST}:8444", f"{HOST}:8445"


def openssl(directory, *arguments):
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


def make_certificate(directory, name, alternative):
    """name.key and name.crt, signed by ca.crt of the same directory."""
    openssl(directory, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    (directory / f"{name}.ext").write_text(f"subjectAltName={alternative}\n")
    openssl(directory, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", f"{name}.ext", "-out", f"{name}.crt")


@pytest.fixture(scope="module")
def keys(scratch):
    directory = scratch / "keys"
    directory.mkdir()
    openssl(directory, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=our own")
    make_certificate(directory, "server", f"IP:{HOST}")
    make_certificate(directory, "other", "DNS:registry.example")
    make_certificate(directory, "client", "DNS:client")
    return directory


def server_block(address, certificate, extra=""):
    return f"""
    server {{
      listen {address} ssl http2;
      ssl_certificate {certificate}.crt;
      ssl_certificate_key {certificate}.key;
      {extra}
      location / {{
        proxy_pass http://127.0.0.1:5000;
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-Proto https;
      }}
    }}"""


@pytest.fixture(scope="module")
def front(sandbox, scratch, registry, keys):
    """nginx before the registry: the file of its access log, `<protocol> <method> <path>`."""
    unpacked = subprocess.run([str(ROOT / "scripts/peers"), "nginx"], capture_output=True, text=True)
    if unpacked.returncode != 0:
        pytest.skip("needs Debian's nginx package")
    program = pathlib.Path(unpacked.stdout.strip()) / "usr/sbin/nginx"
    log, config = scratch / "access.log", scratch / "nginx.conf"
    folders = "".join(f"{kind}_temp_path {scratch}/nginx-{kind};\n"
                      for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    config.write_text(f"""
daemon off; worker_processes 1; user root; pid {scratch}/nginx.pid; error_log {scratch}/nginx.err;
events {{}}
http {{
    log_format short '$server_protocol $request_method $uri';
    access_log {log} short; client_max_body_size 0;
    {folders}
    {server_block(TRUSTED, keys / "server")}
    {server_block(CLIENTS_ONLY, keys / "server",
                  f"ssl_verify_client on; ssl_client_certificate {keys}/ca.crt;")}
    {server_block(WRONG_NAME, keys / "other")}
}}""")
    sandbox.run("ip", "address", "add", f"{HOST}/32", "dev", "lo")
    process = sandbox.popen(program, "-c", config, "-e", scratch / "nginx.err",
                            stdin=subprocess.DEVNULL)
    wait_until(lambda: sandbox.run("curl", "-ksS", f"https://{TRUSTED}/v2/").returncode == 0,
               what="nginx")
    yield log
    process.terminate()
    process.wait(10)


@pytest.fixture(scope="module")
def certs(sandbox, scratch):
    """The engine's /etc/wherry/certs.d, of this sandbox alone."""
    folder = sandbox.own_etc(scratch) / "wherry/certs.d"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="module")
def client(certs, front, module_engine):
    return module_engine


@pytest.fixture(autouse=True)
def no_certificates(certs):
    yield
    subprocess.run(f"rm -rf {certs}/*", shell=True, check=True)


def trust(certs, keys, address, *names):
    """ca.crt of certs.d/<address>, and the pair <name>.cert and <name>.key of each name."""
    folder = certs / address
    folder.mkdir()
    (folder / "ca.crt").write_text((keys / "ca.crt").read_text())
    for name in names:
        (folder / f"{name}.cert").write_text((keys / f"{name}.crt").read_text())
        (folder / f"{name}.key").write_text((keys / f"{name}.key").read_text())


def push(client, address, check):
    name = f"{address}/tls/busybox:v1"
    client.cli("tag", "busybox", name, check=0)
    done = client.cli("push", name, check=check)
    client.cli("rmi", name, check=0)
    return done


def test_an_unknown_authority_is_refused_with_the_remedy(client):
    said = push(client, TRUSTED, check=1).stderr
    assert f"certs.d/{TRUSTED}/ca.crt" in said
    said = client.cli("pull", f"{TRUSTED}/tls/busybox:v1", check=1).stderr
    assert f"certs.d/{TRUSTED}/ca.crt" in said


def test_push_and_pull_with_our_own_authority_by_http2(client, certs, keys, front):
    trust(certs, keys, TRUSTED)
    front.write_text("")
    push(client, TRUSTED, check=0)
    client.cli("rmi", "busybox", check=0)
    client.cli("pull", f"{TRUSTED}/tls/busybox:v1", check=0)
    client.cli("tag", f"{TRUSTED}/tls/busybox:v1", "busybox", check=0)
    client.cli("run", "--rm", f"{TRUSTED}/tls/busybox:v1", "true", check=0)
    lines = front.read_text().splitlines()
    assert any("PUT" in line for line in lines) and any("GET" in line for line in lines)
    assert {line.split()[0] for line in lines} == {"HTTP/2.0"}


def test_a_certificate_of_another_name_is_refused(client, certs, keys):
    trust(certs, keys, WRONG_NAME)
    said = client.cli("pull", f"{WRONG_NAME}/tls/busybox:v1", check=1).stderr
    assert "certificate" in said


def test_a_client_certificate_opens_the_door(client, certs, keys):
    trust(certs, keys, TRUSTED)
    trust(certs, keys, CLIENTS_ONLY)
    push(client, TRUSTED, check=0)
    assert client.cli("pull", f"{CLIENTS_ONLY}/tls/busybox:v1").returncode == 1
    subprocess.run(["rm", "-r", str(certs / CLIENTS_ONLY)], check=True)
    trust(certs, keys, CLIENTS_ONLY, "client")
    client.cli("pull", f"{CLIENTS_ONLY}/tls/busybox:v1", check=0)


def test_a_client_certificate_without_its_key_is_named(client, certs, keys):
    trust(certs, keys, CLIENTS_ONLY, "client")
    (certs / CLIENTS_ONLY / "client.key").unlink()
    said = client.cli("pull", f"{CLIENTS_ONLY}/tls/busybox:v1", check=1).stderr
    assert "missing key client.key for client certificate client.cert" in said


def test_an_insecure_registry_needs_no_authority(sandbox, scratch, client, keys):
    directory = scratch / "insecure"
    directory.mkdir()
    engine = Engine(sandbox, directory, "--insecure-registry", TRUSTED).start()
    try:
        said = engine.cli("pull", f"{TRUSTED}/tls/absent:v1", check=1).stderr
        assert "certificate" not in said and "manifest unknown" in said
    finally:
        engine.close()
