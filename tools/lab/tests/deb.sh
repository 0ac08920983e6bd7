# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The Debian packages, with the lab's own kernel configuration: the same way leads
# to the large ones. What is installed needs root, as a package does.

MODULES=(idxd iaa_crypto)
# In the system that packages are installed into.
ROOT_PACKAGES=(accel-config kmod systemd)

unpacked() { echo "$LOGS/deb-$1"; }
release() { basename "$(unpacked image)"/lib/modules/*; }

# Test that all three packages are built, and unpack them for the other tests.
test_build()
{
	local file kind

	for kind in image headers zswap; do
		rm -rf "$(unpacked "$kind")"
	done
	while read -r file; do
		case $file in
		*/linux-image-*) kind=image ;;
		*/linux-headers-*) kind=headers ;;
		*/iaa-zswap_*) kind=zswap ;;
		*) echo "unexpected: $file"; return 1 ;;
		esac
		ln -s "$file" "$LOGS/deb-$kind.deb"
		dpkg-deb -x "$file" "$(unpacked "$kind")"
	done < <(CONFIG=reduced "$LAB/deb.sh")
	ls -d "$(unpacked image)" "$(unpacked headers)" "$(unpacked zswap)"
}

# Test that a second run takes what is there.
test_build_again()
{
	local before after

	before=$(stat -L -c '%n %Y %s' "$LOGS"/deb-*.deb)
	CONFIG=reduced "$LAB/deb.sh"
	after=$(stat -L -c '%n %Y %s' "$LOGS"/deb-*.deb)
	[ "$before" = "$after" ]
	refused env CONFIG=none-such "$LAB/deb.sh" kernel
}

package_name() { dpkg-deb -f "$LOGS/deb-$1.deb" Package; }

# Test that the packages are of one kernel, which is not called as Debian's is.
test_names()
{
	local name
	name=$(release)

	[ "$(package_name image)" = "linux-image-$name" ]
	[ "$(package_name headers)" = "linux-headers-$name" ]
	[ "${name#*-}" = iaa ]
	ls "$(unpacked image)/boot/"{vmlinuz,System.map,config}"-$name"
	"$LAB/kernel.sh" verify "$(unpacked image)/boot/config-$name" "$LAB/config/package.config"
}

# Test that the large configuration is possible and Debian's, with what we need of
# it: fewer than one in fifty options are lost to another compiler, and to ours.
test_debian_config()
{
	local config debian=$BUILD/deb/config.debian lost

	config=$(CONFIG=debian "$LAB/deb.sh" config)
	lost=$(comm -23 <(grep '=[ym]$' "$debian" | sort) <(sort "$config") | tee /dev/stderr | wc -l)
	[ $((lost * 50)) -lt "$(grep -c '=[ym]$' "$debian")" ]
}

module_code() { objcopy -O binary -j .text "$1" "$2"; }

find_module() { find "$1" -name "$2.ko"; }

# Test that the drivers are those that the lab tests, and not those of base.
test_modules()
{
	local module kernel

	for module in "${MODULES[@]}"; do
		module_code "$(find_module "$(unpacked image)" "$module")" "$LOGS/$module-package"
		for kernel in base ours; do
			module_code "$(find_module "$("$LAB/kernel.sh" "$kernel")/modules" "$module")" \
				"$LOGS/$module-$kernel"
		done
		[ -s "$LOGS/$module-package" ]
		cmp "$LOGS/$module-package" "$LOGS/$module-ours"
		refused cmp -s "$LOGS/$module-package" "$LOGS/$module-base"
	done
}

# Test that no package refers to the repository or to the cache (objtool's debug
# information names its sources).
test_nothing_local()
{
	local kind links headers
	headers=/usr/src/linux-headers-$(release)

	for kind in image headers zswap; do
		# shellcheck disable=SC2153
		refused grep -rlF --exclude=objtool -e "$ROOT" -e "$CACHE" "$(unpacked "$kind")"
		links=$(find "$(unpacked "$kind")" -type l -lname '/*' -printf '%l\n')
		[ "${links:-$headers}" = "$headers" ]
	done
}

# Test that the headers package alone builds a module for that kernel.
test_headers()
{
	local dir=$LOGS/deb-module headers

	headers=$(unpacked headers)/usr/src/linux-headers-$(release)
	mkdir -p "$dir/root/lab/modules"
	cp "$ROOT/crypto/tests/acomp_exercise.c" "$dir"
	echo 'obj-m := acomp_exercise.o' >"$dir/Kbuild"
	make -C "$headers" M="$dir" modules
	modinfo -F vermagic "$dir/acomp_exercise.ko" | grep "^$(release) "
	cp "$dir/acomp_exercise.ko" "$dir/root/lab/modules"
	(cd "$dir/root" && find . -mindepth 1 | cpio --quiet -o -H newc -R 0:0) >"$dir/archive"
}

# Test that the small package follows Debian's policy, its unit systemd's, and that
# its page has all options and is well-formed.
test_zswap_package()
{
	local root page option
	root=$(unpacked zswap)
	page=$root/usr/share/man/man8/enable_iaa.sh.8.gz

	lintian --fail-on error,warning --allow-root "$LOGS/deb-zswap.deb"
	systemd-analyze verify --man=no --root="$root" "$(unit "$root")"
	man --warnings -E UTF-8 -l "$page" 2>&1 >"$LOGS/page" | refused grep .
	for option in $("$root/usr/sbin/enable_iaa.sh" -h | grep -o '^  -[a-z]'); do
		grep -q "^ *$option" "$LOGS/page"
	done
}

unit() { (cd "$1" && find . -name '*.service' -printf '/%P\n'); }

# Everything in a system but the records of dpkg and its log.
system_files()
{
	as_root find "$1" \( -path "$1/var/lib/dpkg" -o -path "$1/var/log" -o -path "$1/dev" \) -prune -o \
		! -type d -printf '%P %m %s %l\n' -o -printf '%P %m\n' | sort
}

# Test that a system takes the packages, and is as before when they are purged.
test_install()
{
	local root=$LOGS/deb-root archive name
	local -a names

	archive=$("$LAB/fetch.sh" root "${ROOT_PACKAGES[@]}")
	mkdir -p "$root"
	as_root tar -xpf "$archive" -C "$root"
	system_files "$root" >"$LOGS/files-before"
	as_root dpkg --root="$root" -i "$LOGS"/deb-{image,headers,zswap}.deb
	names=("$(package_name image)" "$(package_name headers)" "$(package_name zswap)")
	for name in "${names[@]}"; do
		dpkg-query --admindir="$root/var/lib/dpkg" -W -f '${db:Status-Status}\n' "$name" |
			grep -x installed
	done
	# The service is there; that devices are taken is for the administrator to say.
	[ "$(as_root systemctl --root="$root" is-enabled iaa-zswap)" = disabled ]
	as_root systemctl --root="$root" enable iaa-zswap
	as_root dpkg --root="$root" -P "${names[@]}"
	system_files "$root" >"$LOGS/files-after"
	diff "$LOGS/files-before" "$LOGS/files-after"
	as_root rm -rf "$root"
}

# The packages as a kernel and as files for the guest.
guest_image()
{
	local dir=$LOGS/deb-boot from

	from=$(unpacked image)
	rm -rf "$dir"
	mkdir -p "$dir/modules/lib"
	cp "$from/boot/vmlinuz-$(release)" "$dir/bzImage"
	cp -r "$from/lib/modules" "$dir/modules/lib"
	release >"$dir/release"
	(cd "$(unpacked zswap)" && find . -mindepth 1 -path ./usr/share -prune -o -print |
		cpio --quiet -o -H newc -R 0:0) >"$dir/archive"
	echo "$dir"
}

package_guest()
{
	local image
	image=$(guest_image)

	"$LAB/boot.sh" -k "$image" -c wall -a "brd.rd_nr=1 brd.rd_size=65536" \
		-d "$image/archive" -d "$LOGS/deb-module/archive" -o "$LOGS/guest-deb" \
		/lab/bin/package-test.sh devices_are_found service_has_zswap_use_devices \
		service_keeps_devices_for_pages stop_undoes_everything \
		stop_respects_another_choice refused_settings_change_nothing \
		settings_are_applied module_of_headers_works
}

group_deb()
{
	"$LAB/host.sh" deb
	check "packages are built" test_build
	[ "$STATUS" -eq 0 ] || return 0
	check "what is built is kept" test_build_again
	check "names and configuration" test_names
	check "Debian's configuration" test_debian_config
	check "drivers" test_modules
	check "nothing of this machine" test_nothing_local
	check "a module against the headers" test_headers
	check "policy, unit and page of iaa-zswap" test_zswap_package
	check "installed and purged" test_install
	check_ktap "guest" package_guest
}
