"""Real services from Debian's packages: reached, found by name, and their data kept."""

import pytest

from debian_images import USER, service_image
from fixtures import wait_until

NGINX = """daemon off;
error_log stderr;
user nobody nogroup;
pid /tmp/nginx.pid;
events {}
http {
  access_log off;
  resolver 127.0.0.11 valid=1s;
  server {
    listen 80;
    location / { return 200 "hello from nginx to $remote_addr\\n"; }
    location /api/ { set $upstream http://app:8000; proxy_pass $upstream; }
  }
}
"""
# As docker's own image does: the first start makes the cluster, later ones find it.
POSTGRES = """set -e
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb -N -A trust --locale=C -U postgres >/dev/null
  echo "host all all all trust" >>"$PGDATA/pg_hba.conf"
fi
exec postgres -k /tmp -c listen_addresses='*'
"""
PGDATA = "/var/lib/postgresql/data"
ANSWER = "while true; do printf 'HTTP/1.0 200 OK\\r\\n\\r\\nfrom the app\\n' | nc -l -p 8000; done"


@pytest.fixture(scope="module")
def services(module_engine):
    module_engine.load(
        service_image("web-server", ["nginx"], {"Cmd": ["nginx"], "ExposedPorts": {"80/tcp": {}}},
                      {"etc/nginx/nginx.conf": NGINX, "var/log/nginx/.keep": "", "var/lib/nginx/.keep": ""}),
        service_image("database", ["postgresql-15", "postgresql-client-15"],
                      {"Cmd": ["sh", "/start"], "User": f"{USER}:{USER}", "Volumes": {PGDATA: {}},
                       "Env": [f"PGDATA={PGDATA}", "PATH=/usr/lib/postgresql/15/bin:/usr/bin:/bin"]},
                      {"start": POSTGRES}, owned=(PGDATA.lstrip("/"),)),
        service_image("cache", ["redis-server", "redis-tools"],
                      {"Cmd": ["redis-server", "--protected-mode", "no", "--dir", "/data"],
                       "Volumes": {"/data": {}}, "WorkingDir": "/data"}, owned=("data",)))
    return module_engine


@pytest.fixture
def net(engine, services):
    engine.cli("network", "create", "services", check=0)
    yield services
    engine.remove_containers()
    wait_until(lambda: engine.cli("network", "rm", "services").returncode == 0, what="network rm")
    engine.cli("volume", "prune", "-af", check=0)


@pytest.fixture(scope="module")
def remote(sandbox):
    """A network namespace that is another machine."""
    sandbox.run("ip", "netns", "add", "far")
    for command in ("ip link add up1 type veth peer name eth0 netns far",
                    "ip addr add 10.201.0.1/24 dev up1", "ip link set up1 up",
                    "ip -n far addr add 10.201.0.2/24 dev eth0", "ip -n far link set eth0 up",
                    "ip -n far route add default via 10.201.0.1"):
        done = sandbox.run(*command.split())
        assert done.returncode == 0, done.stderr
    yield lambda *words: sandbox.run("ip", "netns", "exec", "far", *words)
    sandbox.run("ip", "netns", "del", "far")


def fetch(run, url):
    return run("curl", "-sS", "--max-time", "5", url).stdout


def sql(engine, statement, client="db", host="db"):
    done = engine.cli("exec", client, "psql", "-qAt", "-h", host, "-U", "postgres", "-c", statement)
    return done.stdout.strip() if done.returncode == 0 else done.stderr


def database(engine, name="db"):
    engine.cli("run", "-d", "--name", name, "--network", "services", "--network-alias", "db", "-v",
               f"pgdata:{PGDATA}", "database", check=0)
    wait_until(lambda: sql(engine, "select 1", name) == "1", 30, f"PostgreSQL\n{engine.cli('logs', name).stderr}")


def test_nginx_is_reached_over_a_published_port(net, remote):
    net.cli("run", "-d", "--name", "web", "--network", "services", "-p", "8080:80", "web-server", check=0)
    wait_until(lambda: fetch(net.sandbox.run, "http://127.0.0.1:8080/") != "", what=net.cli("logs", "web").stderr)
    assert fetch(net.sandbox.run, "http://127.0.0.1:8080/").startswith("hello from nginx to ")
    assert fetch(remote, "http://10.201.0.1:8080/") == "hello from nginx to 10.201.0.2\n"


def test_nginx_finds_its_upstream_by_name_also_when_it_moves(net):
    net.cli("run", "-d", "--name", "web", "--network", "services", "-p", "8080:80", "web-server", check=0)
    for turn in ("first", "second"):
        net.cli("run", "-d", "--name", f"app-{turn}", "--network", "services", "--network-alias", "app",
                "busybox", "sh", "-c", ANSWER, check=0)
        wait_until(lambda: fetch(net.sandbox.run, "http://127.0.0.1:8080/api/") == "from the app\n", 20,
                   f"the {turn} app through nginx")
        net.cli("rm", "-f", f"app-{turn}", check=0)


def test_postgres_keeps_its_data_in_a_volume(net):
    database(net)
    sql(net, "create table kept(n int); insert into kept select generate_series(1, 1000)")
    assert sql(net, "select sum(n) from kept") == "500500"
    net.cli("stop", "-t", "20", "db", check=0)
    assert "database system is shut down" in net.cli("logs", "db").stderr
    net.cli("rm", "db", check=0)
    database(net, "db2")
    assert sql(net, "select sum(n) from kept", "db2") == "500500"
    net.cli("kill", "db2", check=0)
    net.cli("rm", "db2", check=0)
    database(net, "db3")
    assert sql(net, "select count(*) from kept", "db3") == "1000", "also after a kill -9"


def test_redis_by_name_over_a_user_network(net):
    net.cli("run", "-d", "--name", "store", "--network", "services", "-v", "cached:/data", "cache", check=0)
    net.cli("run", "-d", "--name", "client", "--network", "services", "cache", "sleep", "900", check=0)
    ask = lambda *words: net.cli("exec", "client", "redis-cli", "-h", "store", *words).stdout.strip()  # noqa: E731
    wait_until(lambda: ask("ping") == "PONG", what="redis")
    assert ask("set", "boat", "wherry") == "OK" and ask("save") == "OK"
    assert ask("incr", "count") == "1" and ask("incr", "count") == "2"
    net.cli("rm", "-f", "store", check=0)
    net.cli("run", "-d", "--name", "store", "--network", "services", "-v", "cached:/data", "cache", check=0)
    wait_until(lambda: ask("ping") == "PONG", what="redis again")
    assert ask("get", "boat") == "wherry"


def test_services_live_through_a_killed_engine(net):
    database(net)
    net.kill()
    net.start()
    assert sql(net, "select 1 + 1") == "2"
