"""A: what an image's root file system or a shared volume does to the mounts of a start."""
import os
import shutil

from lab import bind, require, without_mounts

CASES = []


def case(identity, title):
    def add(function):
        CASES.append((identity, title, function))
        return function
    return add


@case("A01", "/dev of the image is a link to a directory of the host")
def dev_is_a_link(lab):
    for mounts in (("/dev", "/dev/pts", "/dev/mqueue", "/dev/shm"), ()):
        control = lab.bundle()
        (control.rootfs / "dev").mkdir()
        config = without_mounts(lab.config("sh", "-c", "echo x > /dev/null && echo alive"), *mounts)
        lab.lives(control, config, "alive")
        bundle, victim = lab.bundle(), lab.canary()
        (bundle.rootfs / "dev").symlink_to(victim)
        lab.run(bundle, config)
        lab.check()


@case("A02", "/proc or /sys of the image is a link to another of its directories")
def proc_is_a_link(lab):
    for name in ("proc", "sys"):
        lab.lives(lab.bundle(), lab.config("cat", "/proc/self/comm"), "cat")
        bundle = lab.bundle()
        evil = bundle.rootfs / "evil"
        evil.mkdir()
        (bundle.rootfs / name).symlink_to("/evil")
        done = lab.run(bundle, lab.config("sh", "-c", "ls /evil"))
        require(done.returncode != 0, f"/{name} was mounted through the link: {done.stdout.split()[:3]}")
        require(name in done.stderr, f"the error does not name /{name}: {done.stderr.strip()[-200:]}")
        require(list(evil.iterdir()) == [], f"something was made in the target of /{name}")


@case("A03", "mount destinations lead through links out of the root")
def destination_through_links(lab):
    source = lab.fresh("source")
    (source / "from-source").write_text("x")
    lab.guard(source)
    mounts = [{"destination": "/mnt/new", "type": "tmpfs", "source": "tmpfs"}, bind("/mnt/new", source)]
    for mount in mounts:
        control = lab.bundle()
        (control.rootfs / "real").mkdir()
        (control.rootfs / "mnt").symlink_to("/real")
        config = lab.config("sh", "-c", "grep ' /real/new ' /proc/self/mountinfo")
        config["mounts"].append(mount)
        lab.lives(control, config, "/real/new")
        for prefix in ("", "../../../../../../../.."):
            bundle, victim = lab.bundle(), lab.canary()
            (bundle.rootfs / "mnt").symlink_to(f"{prefix}{victim}")
            config = lab.config("ls", "-A", "/")
            config["mounts"].append(mount)
            lab.run(bundle, config)
            lab.check()
            # A last name that is itself a link.
            bundle = lab.bundle()
            (bundle.rootfs / "mnt").mkdir()
            (bundle.rootfs / "mnt/new").symlink_to(f"{prefix}{victim}/folder")
            lab.run(bundle, config)
            lab.check()


@case("A04", "a mount destination is exchanged with a link to / while it is mounted")
def exchanged_destination(lab):
    volume = lab.fresh("volume")
    (volume / "target").mkdir()
    (volume / "link").symlink_to("/")
    victim, bundle = lab.canary(), lab.bundle()
    config = lab.config("sh", "-c", "stat -c %d:%i / /volume /volume/target; ls -A / | tr '\\n' ' '")
    config["process"]["args"] = ["sh", "-c", "stat -c %d:%i / /volume/target /volume; ls -A /"]
    config["mounts"] += [bind("/volume", volume), bind("/volume/target", victim),
                         bind("/volume/target/folder", lab.fresh("nested"))]
    lab.lives(bundle, config)
    host = os.stat("/")
    lab.attack(volume / "target", volume / "link")
    started = 0
    for _ in range(2000 if lab.long_form else 200):
        done = lab.run(bundle, config)
        seen = done.stdout.split()
        if done.returncode == 0:
            started += 1
        require(f"{host.st_dev}:{host.st_ino}" not in seen and "boot" not in seen,
                "a container sees the host's root")
    lab.calm()
    lab.check()
    return f"{started} of {2000 if lab.long_form else 200} started"


IS_MASKED = ("for f in /proc/interrupts /proc/timer_list /proc/keys; do [ -e $f ] || continue; "
             "echo $f $(stat -c %t:%T $f) $(wc -c < $f); done; echo done")


def unmasked(text):
    """The lines of IS_MASKED that do not show an empty null device."""
    return [line for line in text.splitlines() if line.startswith("/") and line.split()[1:] != ["1:3", "0"]]


@case("A05", "the image's or a shared volume's /dev/null is none when paths are masked")
def masks_by_a_false_null(lab):
    control = lab.bundle()
    config = lab.config("sh", "-c", IS_MASKED)
    require(not unmasked(lab.lives(control, config, "/proc/interrupts 1:3 0")), "control: paths are not masked")
    bundle = lab.bundle()
    (bundle.rootfs / "dev").mkdir()
    (bundle.rootfs / "dev/null").symlink_to("/proc/version")
    done = lab.run(bundle, without_mounts(config, "/dev", "/dev/pts", "/dev/mqueue", "/dev/shm"))
    require(not unmasked(done.stdout), f"masked by the image's link: {unmasked(done.stdout)}")
    volume = lab.fresh("dev")
    os.mknod(volume / "null", 0o20666, os.makedev(1, 3))
    (volume / "fake").symlink_to("/proc/version")
    config["mounts"].append(bind("/dev", volume))
    for name in ("pts", "mqueue", "shm"):
        (volume / name).mkdir()
    lab.lives(lab.bundle(), config, "done")
    bundle = lab.bundle()
    lab.attack(volume / "null", volume / "fake")
    for _ in range(1000 if lab.long_form else 60):
        done = lab.run(bundle, config)
        require(not unmasked(done.stdout), f"masked by another file: {unmasked(done.stdout)}")
    lab.calm()
    lab.check()


CONSOLE = ("test -t 0 && echo terminal; "
           "echo $(stat -c %t:%T /dev/console) is $(stat -Lc %t:%T /proc/self/fd/0) end")


def console_is_another(text):
    words = text.split()
    return "is" in words and words[words.index("is") - 1] != words[words.index("is") + 1]


@case("A06", "/dev/console of the image or of a volume leads to the host")
def console_elsewhere(lab):
    alive, text = lab.on_terminal(lab.bundle(), lab.config("sh", "-c", CONSOLE))
    require(alive and "terminal" in text and not console_is_another(text), f"control: {text.strip()[-200:]}")
    victim = lab.canary()
    for target in (victim / "x", victim / "null", "../../../../../../../.." + str(victim / "y")):
        bundle = lab.bundle()
        (bundle.rootfs / "dev/pts").mkdir(parents=True)
        (bundle.rootfs / "dev/console").symlink_to(target)
        config = without_mounts(lab.config("sh", "-c", CONSOLE), "/dev", "/dev/mqueue", "/dev/shm")
        created, text = lab.on_terminal(bundle, config)
        lab.check()
        require(not created or not console_is_another(text), f"/dev/console is not the terminal: {text.strip()}")
    volume = lab.fresh("dev")
    for name in ("pts", "mqueue", "shm"):
        (volume / name).mkdir()
    (volume / "console").touch()
    (volume / "link").symlink_to(victim / "z")
    (volume / "ptmx").symlink_to("pts/ptmx")
    config = without_mounts(lab.config("sh", "-c", CONSOLE), "/dev")
    config["mounts"].insert(0, bind("/dev", volume))
    lab.attack(volume / "console", volume / "link")
    for _ in range(300 if lab.long_form else 25):
        created, text = lab.on_terminal(lab.bundle(), config)
        require("is another" not in text, text)
        lab.check()
    lab.calm()


@case("A07", "files of procfs that a start writes lie below other mounts")
def procfs_writes(lab):
    def config_with(*mounts):
        config = lab.config("cat", "/proc/sys/net/ipv4/ip_forward", oomScoreAdj=123)
        config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1"}
        config["mounts"] += mounts
        return config

    control = config_with()
    lab.lives(lab.bundle(), control, "1")
    victim = lab.fresh("procfs")
    for name in ("sys/net/ipv4", "self/attr", "thread-self/attr", "1/attr", "self/fd"):
        (victim / name).mkdir(parents=True)
    for name in ("sys/net/ipv4/ip_forward", "self/oom_score_adj", "self/attr/exec", "thread-self/attr/exec",
                 "1/oom_score_adj", "self/attr/current"):
        (victim / name).write_text("canary")
    lab.guard(victim)
    for mount in (bind("/proc/sys/net/ipv4", victim / "sys/net/ipv4"), bind("/proc/sys", victim / "sys"),
                  bind("/proc/self/attr", victim / "self/attr"),
                  bind("/proc/sys/net/ipv4/ip_forward", victim / "sys/net/ipv4/ip_forward"),
                  bind("/proc", victim)):
        lab.run(lab.bundle(), config_with(mount))
        lab.check()
    # Without a procfs in the config the image's own /proc is none.
    bundle = lab.bundle()
    shutil.copytree(victim, bundle.rootfs / "proc")
    lab.guard(bundle.rootfs / "proc")
    lab.run(bundle, without_mounts(config_with(), "/proc"))
    lab.check()
