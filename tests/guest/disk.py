"""A partitioned disk with LVM on it, laid out through loop devices.

The host needs no device-mapper: the group's metadata is written with
activation turned off, and each volume, being one linear run of extents, is
reached through a loop device at its offset.
"""

import contextlib
import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from layout import dm

MIB = 1 << 20
START = 1 * MIB
"""Where the first partition and the first logical partition begin."""


def run(*command, **more):
    """The standard output of a command that has to succeed."""
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **more)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: rc {done.returncode}\n{done.stderr}")
    return done.stdout


@contextlib.contextmanager
def loop(image, offset, size):
    """A loop device over a range of the image."""
    device = run("losetup", "--show", "-f", "-o", offset, "--sizelimit", size, image).strip()
    try:
        yield device
    finally:
        run("losetup", "-d", device)


@dataclass
class Disk:
    """Where things are: byte ranges of /boot and of each volume."""

    image: Path
    boot: tuple[int, int]
    volumes: dict[str, tuple[int, int]]


def create(image, layout):
    """Write an empty image of the layout: partitions and LVM metadata."""
    group_size = sum(v.size for v in layout.volumes) + layout.free
    total = layout.boot_size + group_size + 16
    with open(image, "wb") as file:
        file.truncate(total * MIB)
    # As Debian's installer does it: /boot primary, LVM in a logical partition.
    table = "\n".join([
        "label: dos",
        f"start={START // 512}, size={layout.boot_size * MIB // 512}, type=83, bootable",
        "type=5",
        "type=8e",
    ])
    run("sfdisk", "--quiet", image, input=table)
    parts = json.loads(run("sfdisk", "--json", image))["partitiontable"]["partitions"]
    ranges = [(p["start"] * 512, p["size"] * 512) for p in parts]
    pv_start, pv_size = ranges[2]
    with loop(image, pv_start, pv_size) as device:
        volumes = _write_group(device, layout)
    return Disk(Path(image), ranges[0],
                {name: (pv_start + at, size) for name, (at, size) in volumes.items()})


def _write_group(device, layout):
    """Make the group on the device; byte ranges of its volumes within it."""
    with tempfile.TemporaryDirectory() as system:
        Path(system, "lvm.conf").write_text(f"""
            devices {{
                filter = ["a|^{device}$|", "r|.*|"]
                global_filter = ["a|^{device}$|", "r|.*|"]
                use_devicesfile = 0
                obtain_device_list_from_udev = 0
                external_device_info_source = "none"
                multipath_component_detection = 0
                hints = "none"
            }}
            activation {{ udev_sync = 0 udev_rules = 0 monitoring = 0 }}
            global {{ activation = 0 use_lvmpolld = 0 locking_dir = "{system}/lock" }}
            backup {{ backup = 0 archive = 0 }}
        """)
        env = {**os.environ, "LVM_SYSTEM_DIR": system, "LVM_SUPPRESS_FD_WARNINGS": "1"}

        def lvm(*command):
            return run("lvm", *command, env=env)

        lvm("pvcreate", "-q", "-ff", "-y", device)
        lvm("vgcreate", "-q", layout.group, device)
        for volume in layout.volumes:
            lvm("lvcreate", "-q", "-y", "-an", "-Zn", "-Wn", "-L", f"{volume.size}m",
                "-n", volume.name, layout.group)
        start = int(lvm("pvs", "--noheadings", "--nosuffix", "--units", "b",
                        "-o", "pe_start", device))
        report = json.loads(lvm("lvs", "--reportformat", "json", "--nosuffix", "--units", "b",
                                "-o", "lv_name,lv_size,vg_extent_size,seg_pe_ranges",
                                layout.group))["report"][0]["lv"]
    ranges = {}
    for row in report:
        first = int(row["seg_pe_ranges"].rpartition(":")[2].split("-")[0])
        ranges[row["lv_name"]] = (start + first * int(row["vg_extent_size"]), int(row["lv_size"]))
    return ranges


def _format(device, kind):
    if kind == "swap":
        run("mkswap", device)
    else:
        # Without what GRUB and the e2fsprogs of older suites do not know.
        features = ["-O", "^metadata_csum_seed,^orphan_file"] if kind == "ext4" else []
        run(f"mkfs.{kind}", "-q", "-F", *features, device)


@contextlib.contextmanager
def mounted(disk, layout):
    """Format everything, mount it as the guest would, yield (root, fstab text)."""
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="postclone-guest-")))

        def mount(device, target):
            place = root / target.lstrip("/")
            place.mkdir(parents=True, exist_ok=True)
            run("mount", device, place)
            stack.callback(run, "umount", place)

        boot = stack.enter_context(loop(disk.image, *disk.boot))
        _format(boot, layout.boot_kind)
        lines = {}
        for volume in sorted(layout.volumes, key=lambda v: v.target):
            device = stack.enter_context(loop(disk.image, *disk.volumes[volume.name]))
            _format(device, volume.kind)
            lines[volume.name] = (f"/dev/mapper/{dm(layout.group, volume.name)}", volume)
            if volume.kind != "swap":
                mount(device, volume.target)
                if volume.target == "/":
                    mount(boot, "/boot")
        uuid = run("blkid", "-o", "value", "-s", "UUID", boot).strip()
        yield root, _fstab(layout, lines, uuid)


def _fstab(layout, lines, boot_uuid):
    """The text that Debian's installer would write."""
    def row(source, target, kind, options, check):
        if len(source) <= 15:
            source = f"{source:<15}"
        return f"{source} {target:<15} {kind:<7} {options:<15} 0       {check}\n"

    text = """# /etc/fstab: static file system information.
#
# Use 'blkid' to print the universally unique identifier for a
# device; this may be used with UUID= as a more robust way to name devices
# that works even if disks are added and removed. See fstab(5).
#
# systemd generates mount units based on this file, see systemd.mount(5).
# Please run 'systemctl daemon-reload' after making changes here.
#
# <file system> <mount point>   <type>  <options>       <dump>  <pass>
"""
    for volume in layout.volumes:
        source, volume = lines[volume.name]
        text += row(source, volume.target, volume.kind, volume.options, volume.check)
        if volume.target == "/":
            text += "# /boot was on /dev/vda1 during installation\n"
            text += row(f"UUID={boot_uuid}", "/boot", layout.boot_kind, "defaults", 2)
    return text + row("/dev/sr0", "/media/cdrom0", "udf,iso9660", "user,noauto", 0)
