#!/bin/bash
# The guest's part of the scenarios of live.py: a server at work, and what is
# tried on it. Their jobs source this after agent/lib, with OLD and NEW set.

# What outlives the boot; on the volume of /var.
KEPT=/var/lib/lab
PATH=$PATH:$(echo /usr/lib/postgresql/*/bin)
cluster=$(echo /etc/postgresql/*)
POSTGRESQL=postgresql@${cluster##*/}-main.service

# query SQL: what PostgreSQL answers, bare
query() {
	runuser -u postgres -- psql -XqAt -v ON_ERROR_STOP=1 -c "$1"
}

# As user postgres: a transaction a second, each with a line of when and how it
# ended, until told to stop. A connection lasts for twenty.
ledger() {
	local number stop='' answer in out psql
	trap 'stop=yes' TERM
	trap '' PIPE
	number=$(psql -XqAtc 'SELECT coalesce(max(number), 0) FROM ledger')
	while [[ -z $stop ]]; do
		coproc PSQL { exec psql -XqAt 2>&1; }
		in=${PSQL[0]} out=${PSQL[1]} psql=$PSQL_PID
		while [[ -z $stop ]] && ((++number % 20)); do
			answer='no answer'
			echo "INSERT INTO ledger VALUES ($number) RETURNING number;" >&"$out"
			read -rt 60 answer <&"$in"
			if [[ $answer == "$number" ]]; then
				echo "$EPOCHREALTIME $number ok"
			else
				echo "$EPOCHREALTIME $number FAILED $answer"
			fi
			sleep 1
		done
		echo '\q' >&"$out"
		wait "$psql"
	done 2>/dev/null >>"$KEPT/ledger"
}

# start_load: two writers to PostgreSQL, a shell in /home with a file open
# there, and memory that was pushed out to swap. The writers are stopped before
# PostgreSQL is, so no transaction may ever fail.
start_load() {
	local writer=(-p User=postgres -p "After=$POSTGRESQL" -p KillMode=mixed -E "PATH=$PATH")
	systemctl is-active "$POSTGRESQL" || return
	mkdir -p "$KEPT"
	chown postgres: "$KEPT"
	query "CREATE TABLE IF NOT EXISTS ledger (number bigint PRIMARY KEY)"
	query "CREATE TABLE IF NOT EXISTS bench (client int, at timestamptz DEFAULT now())"
	query "ALTER SYSTEM SET max_wal_size = '64MB'"
	query "SELECT pg_reload_conf()"
	echo 'INSERT INTO bench (client) VALUES (:client_id);' >"$KEPT/bench.sql"
	systemd-run --quiet --unit=lab-ledger "${writer[@]}" bash "$LAB/live.sh" ledger || return
	systemd-run --quiet --unit=lab-bench "${writer[@]}" bash -c "
		exec pgbench -n -c 2 -R 4 -T 7200 -P 10 -f $KEPT/bench.sql postgres >>$KEPT/bench.log 2>&1" || return
	systemd-run --quiet --unit=lab-sitter bash -c '
		cd /home
		while echo here; do sleep 5; done >>/home/open-file' || return
	systemd-run --quiet --unit=lab-hog sh -c '
		head -c 32M /dev/urandom >/dev/shm/lab-hog
		exec sleep infinity' || return
	until [[ $(stat -c %s /dev/shm/lab-hog 2>/dev/null) == 33554432 ]]; do sleep 0.5; done
	sha256sum /dev/shm/lab-hog >"$OUT/hog-before"
	# At its limit the kernel swaps it out at once.
	systemctl set-property --runtime lab-hog.service MemoryHigh=1M
	sleep 3
	systemctl set-property --runtime lab-hog.service MemoryHigh=infinity
	cat /proc/swaps
	tail -n 2 "$KEPT/ledger"
}

# The instant, by name, to sort transactions by.
instant() {
	echo "$1 $EPOCHREALTIME" >>"$OUT/instants"
	mark "$1"
}

# picture NAME: a snapshot, and where the shell sits
picture() {
	local pid
	snapshot "$1"
	pid=$(systemctl show -p MainPID --value lab-sitter)
	echo "$pid $(readlink "/proc/$pid/cwd" "/proc/$pid/fd/1" | xargs)" >"$OUT/$1/sitter"
}

# journal_since CURSOR NAME: what systemd said since
journal_since() {
	journalctl --no-pager -o json _PID=1 --after-cursor="$1" >"$OUT/$2.json"
}

cursor() {
	journalctl --no-pager -n 0 --show-cursor | sed -n 's/^-- cursor: //p'
}

# paths VOLUME: all that it is called
paths() {
	echo "/dev/mapper/${OLD//-/--}-$1 /dev/$OLD/$1 /dev/mapper/${NEW//-/--}-$1 /dev/$NEW/$1"
}

# by_every_name: file systems and swap, asked for, taken down and put up by each
# of their names, each time by another one
by_every_name() {
	local spare swap path i
	for path in $(paths home); do
		attempt findmnt --noheadings --source "$path"
	done
	attempt findmnt --noheadings /home
	read -ra spare <<<"$(paths spare)"
	read -ra swap <<<"$(paths swap_1)"
	for i in 0 1 2 3; do
		attempt umount "${spare[i]}"
		attempt mount "${spare[(i + 1) % 4]}" /mnt/spare
		attempt touch /mnt/spare/there
		attempt swapoff "${swap[i]}"
		attempt swapon "${swap[(i + 1) % 4]}"
	done
	attempt umount /mnt/spare
	attempt mount /mnt/spare
	attempt swapoff -a
	attempt swapon -a
	attempt grub-probe --target=device /
	attempt grub-probe --target=fs_uuid /
}

# volume_work: what administrators do with LVM; it renames dm nodes
volume_work() {
	local loop
	attempt lvs
	attempt vgs "$NEW"
	if lvextend --help 2>&1 | grep -q -e '--fs '; then
		# This LVM compares the mount table's name with its own, and refuses -r.
		timed lvextend -r -L +4M "$NEW/home"
		attempt lvextend -L +4M "$NEW/home"
		attempt resize2fs "/dev/$NEW/home"
		timed lvextend --fs resize_fsadm -L +4M "$NEW/home"
	else
		attempt lvextend -r -L +4M "$NEW/home"
	fi
	attempt lvcreate -y -s -n snap -L 16M "$NEW/home"
	attempt lvremove -y "$NEW/snap"
	truncate -s 64M /root/hot
	loop=$(losetup -f --show /root/hot)
	attempt pvcreate -y "$loop"
	attempt vgextend "$NEW" "$loop"
	attempt lvcreate -y -n hot -L 8M "$NEW" "$loop"
	attempt lvremove -y "$NEW/hot"
	attempt vgreduce "$NEW" "$loop"
	attempt pvremove "$loop"
	losetup -d "$loop"
	rm /root/hot
	attempt vgchange -ay "$NEW"
}

# reckon: the writers' book and the database's, after a reboot
reckon() {
	cp "$KEPT"/ledger "$KEPT"/bench.log "$OUT/"
	query 'SELECT number FROM ledger ORDER BY number' >"$OUT/ledger-rows"
	query 'SELECT count(*) FROM bench' >"$OUT/bench-rows"
}

[[ ${1-} != ledger ]] || ledger
