#!/bin/bash
# The guest's part of the scenario of faults.py: ways to break a guest that are
# all in memory or in /var/tmp, so that `mend` and a reboot end them.

fake=/run/lab/fake

# wrap PROGRAM: from now on what comes on standard input runs in its place, with
# the real one as $real
wrap() {
	local name=$1 path
	path=$(readlink -f "$(command -v "$name")")
	# /run is mounted noexec.
	mountpoint -q $fake || { mkdir -p $fake && mount -t tmpfs -o mode=755 lab $fake; }
	# lvm goes by the name under which it is called.
	mkdir -p $fake/real
	cp -p "$path" "$fake/real/$name"
	{
		echo '#!/bin/bash'
		echo "fake=$fake real=$fake/real/$name"
		cat
	} >"$fake/$name"
	chmod 755 "$fake/$name"
	mount --bind "$fake/$name" "$path"
}

# wrap_vgrename: what comes on standard input runs in place of `lvm vgrename`
wrap_vgrename() {
	wrap lvm < <(
		# shellcheck disable=SC2016 # the wrapper expands it
		echo '[[ $1 == vgrename ]] || exec -a "$0" "$real" "$@"'
		cat
	)
}

# fill DIRECTORY [MIB]: takes all the room of its file system, but so much
fill() {
	local free
	free=$(df --output=avail -k "$1" | tail -n 1)
	if [[ $# == 2 ]]; then
		dd if=/dev/zero of="$1/lab-filler" bs=1M count="$((free / 1024 - $2))" status=none
	else
		# Quick where there is fallocate, and then what only root may use as well.
		fallocate -l "${free}K" "$1/lab-filler-3" 2>/dev/null
		dd if=/dev/zero of="$1/lab-filler" bs=1M 2>/dev/null
		dd if=/dev/zero of="$1/lab-filler-2" bs=512 2>/dev/null
		sync -f "$1"
	fi
	df -k "$1" | tail -n 1
}

# on_mapper DIRECTORY DEVICE: mounts the device there by a dm node that can be made to fail
on_mapper() {
	local size
	size=$(blockdev --getsz "$2")
	echo "$2" >/run/lab/failing
	mountpoint -q "$1" && umount "$1"
	dmsetup create lab-failing --table "0 $size linear $2 0"
	mount /dev/mapper/lab-failing "$1"
}

# writes (fail|work): of that device, and all of them from now on
writes() {
	local device size table
	device=$(cat /run/lab/failing)
	size=$(blockdev --getsz "$device")
	case $1 in
	fail) table="flakey $device 0 0 3600 1 error_writes" ;;
	work) table="linear $device 0" ;;
	esac
	dmsetup suspend --noflush --nolockfs lab-failing
	dmsetup load lab-failing --table "0 $size $table"
	dmsetup resume lab-failing
}

# off_mapper DIRECTORY: the device works again, and is checked as at any boot
off_mapper() {
	writes work
	umount "$1"
	e2fsck -fy /dev/mapper/lab-failing >/run/lab/e2fsck 2>&1
	echo "e2fsck ended with $?: $(grep -c . /run/lab/e2fsck) lines"
	mount /dev/mapper/lab-failing "$1"
}

# mend: the faults of wrap and fill are gone
mend() {
	local name
	rm -f /lab-filler* /boot/lab-filler*
	for name in lvm update-initramfs; do
		mountpoint -q "$(readlink -f "$(command -v $name)")" &&
			umount "$(readlink -f "$(command -v $name)")"
	done
	return 0
}

# at_work FILE: what runs, is mounted, is swapped to, and listens
at_work() {
	{
		systemctl list-units --state=active --plain --no-legend --no-pager |
			awk '{ print "unit", $1 }'
		findmnt -rn -o TARGET,FSTYPE,MAJ:MIN | grep -v "^$fake\|/lvm \|/update-initramfs " |
			sed 's/^/mount /'
		awk 'NR > 1 { print "swap", $1 }' /proc/swaps
		sockets | sed 's/^/socket /'
	} | sort -u >"$1"
}

# facts FILE: what a rename changes: files, their attributes, and LVM's metadata
facts() {
	sums "$1"
	vgs --noheadings -o vg_name,vg_uuid >>"$1"
	find /etc /boot -name '.postclone-*' >>"$1"
	if [[ -e /var/lib/postclone/open ]]; then echo 'a run is open' >>"$1"; fi
}

# compare NAME FILE FILE: what is in only one of them
compare() {
	diff "$2" "$3" | grep '^[<>]' | sed "s/^/@@ $1 /"
}

# run COMMAND...: what it says, and how it ends
run() {
	"$@" >/run/lab/printed 2>/run/lab/said
	local status=$?
	sed 's/^/@@ said /' /run/lab/said
	echo "@@ status $status"
}
