#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
"""Boot the real systemd with Sonde installed, and run tests in there.

Usage: boot.py BUILD BUS TEST

Installs the build over a copy of this machine's own root, boots that in a
container with BUS (dbus-daemon or dbus-broker) as the message bus, runs the
unittest file TEST in there, and passes its TAP on. The copy is an overlay in
memory: nothing of it survives, and nothing of the machine is changed. Needs root, or sudo.
"""

import contextlib
import errno
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

DEADLINE = 30
TESTS = pathlib.Path(__file__).resolve().parents[1]
# Boots to one unit and what that needs, not to all that the machine would start.
UNIT = """
[Unit]
Wants=dbus.socket
After=dbus.socket
[Service]
Type=exec
ExecStart=/usr/bin/python3 -B /sonde/tests/tap/run.py /sonde/tests/systemd/{test}
Environment=LC_ALL=C.UTF-8 SONDE_TEST_BUS={bus}
StandardOutput=file:/sonde/result/tap
StandardError=file:/sonde/result/log
ExecStopPost=sh -c 'journalctl -b --no-pager >/sonde/result/journal'
ExecStopPost=sh -c 'systemctl --no-block exit ${{EXIT_STATUS:-99}}'
"""
# Device nodes are never bound into the container: its systemd would change them.
BOOT = """
set -eu
stage=$1 result=$2 bus=$3 root=/mnt/root
mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/upper /mnt/work $root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work $root
cp -R --no-preserve=ownership "$stage/." $root
ldconfig -r $root
: >$root/etc/machine-id
ln -sfn "/lib/systemd/system/$bus.service" $root/etc/systemd/system/dbus.service
ln -sfn "/usr/lib/systemd/user/$bus.service" $root/etc/systemd/user/dbus.service
shift 3
for group in "$@"; do echo 0 >"$group/cgroup.procs"; done
mount -t tmpfs tmpfs /run
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1
exec systemd-nspawn --quiet --directory=$root --boot --register=no --keep-unit --private-network \
  --console=pipe --link-journal=no --resolv-conf=off --timezone=off --machine=sonde-test \
  --bind="$result:/sonde/result" systemd.unit=sonde-test.service </dev/null
"""
# Where dbus-daemon and polkit look for policies, whatever prefix we have.
FIXED_FOLDERS = 'dbus-1/system.d', 'polkit-1/actions'
BUS_UNITS = {'dbus-daemon': 'dbus', 'dbus-broker': 'dbus-broker'}


def find_cgroup_roots():
    """List where systemd keeps its groups: the unified hierarchy, and its own of the old ones."""
    for line in pathlib.Path('/proc/self/mounts').read_text('ascii').splitlines():
        _, path, kind, options, *_ = line.split()
        if kind == 'cgroup2' or (kind == 'cgroup' and 'name=systemd' in options.split(',')):
            yield pathlib.Path(path)


def remove_group(directory):
    """Remove a group, which stays busy for a moment after its last process."""
    end = time.monotonic() + DEADLINE
    while True:
        try:
            return os.rmdir(directory)
        except OSError as error:
            if error.errno != errno.EBUSY or time.monotonic() > end:
                raise
        time.sleep(0.01)


@contextlib.contextmanager
def cgroups():
    """Make groups for a container, and remove them and those that it made in them."""
    made = [root / f'sonde-test-{os.getpid()}' for root in find_cgroup_roots()]
    for group in made:
        group.mkdir()
    try:
        yield made
    finally:
        for group in made:
            for directory, _, _ in os.walk(group, topdown=False):
                remove_group(directory)


def install(build, bus, test, stage):
    """Lay out what the container has beside the machine's own files."""
    subprocess.run(['meson', 'install', '-C', build, '--no-rebuild', '--quiet', '--destdir', stage],
                   stdout=sys.stderr, check=True)
    for name in 'tap', 'systemd':
        target = stage / 'sonde/tests' / name
        target.mkdir(parents=True)
        for path in (TESTS / name).glob('*.py'):
            (target / path.name).write_bytes(path.read_bytes())
    unit = stage / 'etc/systemd/system/sonde-test.service'
    unit.parent.mkdir(parents=True)
    unit.write_text(UNIT.format(bus=bus, test=test), 'utf-8')
    for folder in FIXED_FOLDERS:
        for path in (stage / 'usr/local/share' / folder).glob('*'):
            target = stage / 'usr/share' / folder / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())


def boot(stage, result, bus):
    with cgroups() as groups:
        command = ['setpriv', '--pdeathsig', 'KILL', 'unshare', '--mount', '--pid', '--fork',
                   '--kill-child', '--mount-proc', '--propagation', 'private',
                   'sh', '-c', BOOT, 'sh', stage, result, BUS_UNITS[bus], *groups]
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors='replace', check=False)


def show(result, name):
    path = result / name
    return path.read_text('utf-8', 'replace') if path.exists() else ''


def main(argv):
    build, bus, test = argv[1:]
    if os.geteuid() != 0:
        os.execvp('sudo', ['sudo', '-n', sys.executable, '-B', *argv])
    # Meson ends a test that takes too long so: clean up all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix='sonde-boot-') as directory:
        stage, result = (pathlib.Path(directory, name) for name in ('stage', 'result'))
        stage.mkdir()
        result.mkdir()
        install(build, bus, test, stage)
        booted = boot(stage, result, bus)
        print(show(result, 'tap'), end='', flush=True)
        print(show(result, 'log'), end='', file=sys.stderr)
        if booted.returncode != 0:
            print(booted.stdout, show(result, 'journal'), sep='\n', file=sys.stderr)
        return booted.returncode


if __name__ == '__main__':
    sys.exit(main(sys.argv))
