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
from dataclasses import dataclass, field
from pathlib import Path

from layout import PASSPHRASE, dm

MIB = 1 << 20
START = 1 * MIB
"""Where the first partition begins."""
LUKS_HEADER = 4 * MIB
"""Room for the header; qemu-img's takes about half of it."""


def run(*command, **more):
    """The standard output of a command that has to succeed."""
    done = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **more)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}: rc {done.returncode}\n{done.stderr}")
    return done.stdout


def patiently(*command):
    """Run what may fail because the host counts a thread's time in ticks: QEMU times its key derivation
    by a hash of some milliseconds, and refuses where that took none (crypto/pbkdf.c)."""
    for _ in range(20):
        try:
            return run(*command)
        except RuntimeError as error:
            if "accurate CPU usage" not in str(error):
                raise
    return run(*command)


@contextlib.contextmanager
def loop(image, offset, size):
    """A loop device over a range of the image."""
    device = run("losetup", "--show", "-f", "-o", offset, "--sizelimit", size, image).strip()
    try:
        yield device
    finally:
        run("losetup", "-d", device)


@dataclass
class Place:
    """A range of bytes of a file."""

    file: Path
    offset: int
    size: int

    def loop(self):
        """A loop device over it."""
        return loop(self.file, self.offset, self.size)


@dataclass
class Disk:
    """Where things are: the ESP, /boot, and what is in each volume.

    What is inside of LUKS is a file of its own until `seal` encrypts it into its `sealed` place.
    """

    image: Path
    boot: Place | None = None
    esp: Place | None = None
    volumes: dict[str, Place] = field(default_factory=dict)
    uuids: dict[str, str] = field(default_factory=dict)
    """The dm UUID of each volume."""
    sealed: list[tuple[Place, Place]] = field(default_factory=list)

    def _inside(self, place, name):
        """A file for what is inside of LUKS at the place."""
        file = Path(f"{self.image}.{name}")
        inner = Place(file, 0, place.size - LUKS_HEADER)
        with open(file, "wb") as handle:
            handle.truncate(inner.size)
        self.sealed.append((inner, place))
        return inner

    def seal(self):
        """Encrypt what is to be; the innermost was added last."""
        for inner, place in reversed(self.sealed):
            luks = f"{inner.file}.luks"
            # LUKS1, written without device-mapper.
            patiently("qemu-img", "convert", "--object", f"secret,id=key,data={PASSPHRASE}", "-f", "raw",
                      "-O", "luks", "-o", "key-secret=key,iter-time=10", inner.file, luks)
            if os.stat(luks).st_size > place.size:
                raise RuntimeError(f"{luks} is larger than its place")
            run("dd", f"if={luks}", f"of={place.file}", "bs=1M", "oflag=seek_bytes",
                f"seek={place.offset}", "conv=notrunc")
            inner.file.unlink()
            os.unlink(luks)


def create(image, layout):
    """Write an empty image of the layout: partitions and LVM metadata."""
    group_size = sum(v.size for v in layout.volumes) + layout.free
    sizes = [(kind, size) for kind, size in [
        ("esp", layout.esp_size), ("boot", layout.boot_size),
        ("pv", group_size + 8), ("second", layout.second)] if size]
    with open(image, "wb") as file:
        file.truncate((sum(size for _, size in sizes) + 16) * MIB)
    run("sfdisk", "--quiet", image, input=_table(layout, sizes))
    parts = json.loads(run("sfdisk", "--json", image))["partitiontable"]["partitions"]
    places = [Place(Path(image), p["start"] * 512, p["size"] * 512) for p in parts
              if p["type"] != "5"]
    named = dict(zip([kind for kind, _ in sizes], places))
    made = Disk(Path(image), named.get("boot"), named.get("esp"))
    pv = made._inside(named["pv"], "pv") if layout.luks else named["pv"]
    with pv.loop() as device:
        volumes, made.uuids = _write_group(device, layout)
    for volume in layout.volumes:
        at, size = volumes[volume.name]
        place = Place(pv.file, pv.offset + at, size)
        made.volumes[volume.name] = made._inside(place, volume.name) if volume.luks else place
    return made


def _table(layout, sizes):
    """A partition table as Debian's installer makes it: with a BIOS /boot is primary, LVM logical."""
    def size(size):
        return f"size={size * MIB // 512}"

    if layout.firmware == "uefi":
        kinds = {"esp": "type=uefi", "boot": "type=linux", "pv": "type=lvm", "second": "type=lvm"}
        return "\n".join(["label: gpt", *(f"{size(n)}, {kinds[kind]}" for kind, n in sizes)])
    lines = ["label: dos"]
    if layout.boot_size:
        lines.append(f"start={START // 512}, {size(layout.boot_size)}, type=83, bootable")
    lines.append("type=5")
    lines += [f"{size(n)}, type=8e" for kind, n in sizes if kind in ("pv", "second")]
    return "\n".join(lines)


def _write_group(device, layout):
    """Make the group on the device; byte ranges of its volumes within it, and their dm UUIDs."""
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
                                "-o", "lv_name,lv_size,vg_extent_size,seg_pe_ranges,vg_uuid,lv_uuid",
                                layout.group))["report"][0]["lv"]
    ranges = {}
    for row in report:
        first = int(row["seg_pe_ranges"].rpartition(":")[2].split("-")[0])
        ranges[row["lv_name"]] = (start + first * int(row["vg_extent_size"]), int(row["lv_size"]))
    uuids = {row["lv_name"]: f"LVM-{row['vg_uuid']}{row['lv_uuid']}".replace("-", "").replace(
        "LVM", "LVM-", 1) for row in report}
    return ranges, uuids


def _format(device, kind, label):
    if kind == "swap":
        run("mkswap", "-L", label, device)
    elif kind == "vfat":
        run("mkfs.vfat", device)
    elif kind == "xfs":
        # Without what GRUB reads since 2.12 alone (NEWS of grub; mkfs.xfs(8)).
        run("mkfs.xfs", "-q", "-f", "-L", label, "-i", "nrext64=0", device)
    else:
        # Without what GRUB and the e2fsprogs of older suites do not know.
        features = ["-O", "^metadata_csum_seed,^orphan_file"] if kind == "ext4" else []
        run(f"mkfs.{kind}", "-q", "-F", "-L", label, *features, device)


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

        uuids = {}
        boots = {}
        for kind, place in [(layout.boot_kind, disk.boot), ("vfat", disk.esp)]:
            if place:
                device = stack.enter_context(place.loop())
                _format(device, kind, "boot")
                uuids[kind] = _uuid(device)
                boots[kind] = device
        sources = {}
        for volume in sorted(layout.volumes, key=lambda v: v.target):
            device = stack.enter_context(disk.volumes[volume.name].loop())
            _format(device, volume.kind, volume.name)
            sources[volume.name] = {
                "mapper": layout.device(volume),
                "slash": f"/dev/{layout.group}/{volume.name}",
                "uuid": f"UUID={_uuid(device)}",
                "label": f"LABEL={volume.name}",
                "by-id": f"/dev/disk/by-id/dm-name-{dm(layout.group, volume.name)}",
                "dm-uuid": f"/dev/disk/by-id/dm-uuid-{disk.uuids[volume.name]}",
            }[volume.source]
            if volume.kind != "swap":
                mount(device, volume.target)
                if volume.target == "/":
                    if disk.boot:
                        mount(boots[layout.boot_kind], "/boot")
                    if disk.esp:
                        (root / layout.esp.lstrip("/")).mkdir(parents=True, exist_ok=True)
        yield root, _fstab(layout, sources, uuids)


def _uuid(device):
    return run("blkid", "-o", "value", "-s", "UUID", device).strip()


def _fstab(layout, sources, uuids):
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
        text += row(sources[volume.name], volume.target, volume.kind, volume.options, volume.check)
        if volume.target == "/" and layout.boot_size:
            text += "# /boot was on /dev/vda1 during installation\n"
            text += row(f"UUID={uuids[layout.boot_kind]}", "/boot", layout.boot_kind, "defaults", 2)
        if volume.target == "/" and layout.esp_size:
            text += "# /boot/efi was on /dev/vda1 during installation\n"
            text += row(f"UUID={uuids['vfat']}", layout.esp, "vfat", "umask=0077", 1)
    return text + row("/dev/sr0", "/media/cdrom0", "udf,iso9660", "user,noauto", 0)
