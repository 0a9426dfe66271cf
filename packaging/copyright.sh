#!/bin/bash
# Prints packaging/copyright: the project's terms, and those of every crate that is linked into the
# binary. Run it after a change of Cargo.lock: packaging/copyright.sh >packaging/copyright
# With --source, those of every crate that the source package has (packaging/source-package).
#
# The notices are the copyright lines of each crate's own licence files; a crate whose files have
# none is given by its Cargo.toml's authors, else as its contributors.
set -euo pipefail
export LC_ALL=C.UTF-8
cd "$(dirname "$0")/.."

triple=x86_64-unknown-linux-gnu
source=
[[ ${1-} != --source ]] || source=yes

# Lines of NAME VERSION for what the binary holds; macros and build scripts leave no code in it. The source
# package has all that are locked.
linked() {
	if [[ -n $source ]]; then
		cargo metadata --locked --format-version 1 |
			jq --raw-output '.packages[] | select(.source) | .name + " " + .version' | sort --unique
		return
	fi
	cargo tree --locked --target "$triple" --edges normal,no-proc-macro --prefix none --no-dedupe |
		awk '$1 != "postclone" { print $1, substr($2, 2) }' | sort --unique
}

# Lines of NAME VERSION, LICENCE, FOLDER, AUTHORS between tabs for all crates.
described() {
	local platform=(--filter-platform "$triple")
	[[ -z $source ]] || platform=()
	cargo metadata --locked --format-version 1 "${platform[@]}" |
		jq --raw-output '.packages[] | [.name + " " + .version, .license,
			(.manifest_path | rtrimstr("/Cargo.toml")),
			(.authors | map(sub(" *<.*"; "")) | join(", "))] | @tsv'
}

# The notices in a crate's licence files, a line each, without the licences' own text.
notices() {
	find "$1" -maxdepth 1 -type f \( -iname 'LICEN[CS]E*' -o -iname 'COPYING*' -o -iname 'COPYRIGHT*' -o -iname 'NOTICE*' \) \
		-exec cat {} + |
		sed -nE 's/^[[:space:]]*Copyright (\([cC]\)|©) *(.*[^[:space:]])[[:space:]]*$/\2/p
			s/^[[:space:]]*Copyright ([0-9].*[^[:space:]])[[:space:]]*$/\1/p' | sort --unique
}

# A crate's licence expression as DEP-5 spells it, without choices that nobody needs to take.
licence() {
	case $1 in
	MIT) echo Expat ;;
	Apache-2.0) echo Apache-2.0 ;;
	bzip2-1.0.6) echo bzip2-1.0.6 ;;
	"MIT OR Apache-2.0" | "Apache-2.0 OR MIT" | "MIT/Apache-2.0") echo "Expat or Apache-2.0" ;;
	"0BSD OR MIT OR Apache-2.0" | "MIT OR Zlib OR Apache-2.0") echo "Expat or Apache-2.0" ;;
	"BSD-2-Clause OR Apache-2.0 OR MIT" | "MIT OR Apache-2.0 OR LGPL-2.1-or-later") echo "Expat or Apache-2.0" ;;
	"(MIT OR Apache-2.0) AND Unicode-3.0") echo "(Expat or Apache-2.0) and Unicode-3.0" ;;
	"Unlicense OR MIT" | "Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT") echo Expat ;;
	*)
		echo "copyright.sh: $2 has the licence $1, which this script does not know" >&2
		return 1
		;;
	esac
}

cat <<'EOF'
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: postclone
EOF
if [[ -n $source ]]; then
	cat <<'EOF'
Comment:
 A paragraph for vendor/NAME-VERSION is about a crate that the program or its
 tests are built from; those that Linux has no use for are there by their
 manifest and their terms alone. Expat is the MIT licence. Where a crate offers
 other licences beside it, only it and Apache-2.0 are named. Made by
 packaging/copyright.sh.
EOF
else
	cat <<'EOF'
Comment:
 The binary is linked statically. A paragraph for vendor/NAME-VERSION is about a
 crate whose code is part of it; `cargo vendor --versioned-dirs` puts its source
 there. Expat is the MIT licence. Where a crate offers other licences beside it,
 only it and Apache-2.0 are named. Made by packaging/copyright.sh.
EOF
fi
cat <<'EOF'

Files: *
Copyright: the postclone authors
License: Expat or Apache-2.0
EOF
[[ -n $source ]] || cat <<'EOF'

Files: vendor/rust-std/*
Copyright: the Rust Project contributors
License: Expat or Apache-2.0
Comment: Rust's standard library, from the compiler that built the package.

Files: vendor/glibc/*
Copyright: the Free Software Foundation and the contributors of the GNU C Library
License: LGPL-2.1+
Comment:
 The C library of the system on which the package was built. To link the program
 with another one, build it from its source: packaging/build-deb.
EOF

join --nocheck-order -t $'\t' <(linked) <(described | sort) |
	while IFS=$'\t' read -r crate expression folder authors; do
		holders=$(notices "$folder")
		: "${holders:=${authors:-the contributors of ${crate% *}}}"
		name=$(licence "$expression" "$crate")
		echo
		echo "Files: vendor/${crate/ /-}/*"
		echo "Copyright: ${holders//$'\n'/$'\n' }"
		echo "License: $name"
	done

cat <<'EOF'

License: Expat
EOF
sed -n '/^Permission is hereby/,/^SOFTWARE\.$/p' LICENSE | sed 's/^$/./; s/^/ /'
echo
echo "License: bzip2-1.0.6"
described | awk -F '\t' '$2 == "bzip2-1.0.6" { print $3 "/LICENSE" }' | xargs cat |
	sed -n '/^Redistribution and use/,/^SOFTWARE, EVEN IF/p' | sed 's/^[[:space:]]*$/./; s/^/ /'
if [[ -n $source ]]; then
	echo
	echo "License: Unicode-3.0"
	described | awk -F '\t' '$2 ~ /Unicode-3.0/ { print $3 "/LICENSE-UNICODE" }' | xargs cat |
		sed -n '/^Permission is hereby/,$p' | sed 's/^[[:space:]]*$/./; s/^/ /'
fi
cat <<'EOF'

License: Apache-2.0
 Licensed under the Apache License, Version 2.0. On Debian systems its text is in
 /usr/share/common-licenses/Apache-2.0.
EOF
[[ -n $source ]] || cat <<'EOF'

License: LGPL-2.1+
 The GNU C Library is free software; you can redistribute it and/or modify it
 under the terms of the GNU Lesser General Public License as published by the
 Free Software Foundation; either version 2.1 of the License, or (at your option)
 any later version. On Debian systems its text is in
 /usr/share/common-licenses/LGPL-2.1.
EOF
