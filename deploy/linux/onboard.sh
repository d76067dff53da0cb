#!/bin/sh
# Lets one Eastwest read this host: onboard.sh 'ssh-ed25519 AAAA…' (as root, beside eastwest-pull and its sudoers file).
# Makes the account eastwest, which can do nothing but run eastwest-pull. Run again, it puts the same things right.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
export PATH LC_ALL

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
root=${EASTWEST_ROOT-} # for tests: everything lands below this folder, and no account is made
account=eastwest
home=/var/lib/eastwest-pull
program=/usr/local/sbin/eastwest-pull

stop() { printf '%s\n' "$*" >&2; exit 1; }

key=${1-}
case $key in
*"
"*) stop "The key is one line." ;;
ssh-ed25519\ AAAA* | ssh-rsa\ AAAA* | ecdsa-sha2-nistp*\ AAAA*) ;;
*) stop "Give the public key that the page of the source shows: onboard.sh 'ssh-ed25519 AAAA…'" ;;
esac
case $key in *[!A-Za-z0-9+/=\ ._@:-]*) stop "There is something in the key that does not belong into one." ;; esac

if [ -z "$root" ]; then
    [ "$(id -u)" -eq 0 ] || stop "Run it as root: sudo sh onboard.sh …"
    command -v sudo >/dev/null || stop "The account gets its rights by sudo: install sudo first."
    visudo -cqf "$here/eastwest-pull.sudoers" || stop "This sudo does not take the sudoers file. Nothing was changed."
    if ! id "$account" >/dev/null 2>&1; then
        useradd --system --home-dir "$home" --shell /bin/sh --password '*' --comment 'read by Eastwest' "$account"
    fi
fi

# All of it is root's: who gets hold of the account can change neither what it may do nor who may use it.
install -d -m 755 "$root/usr/local/sbin" "$root$home" "$root$home/.ssh"
[ -d "$root/etc/sudoers.d" ] || install -d -m 750 "$root/etc/sudoers.d"
install -m 755 "$here/eastwest-pull" "$root$program"
install -m 440 "$here/eastwest-pull.sudoers" "$root/etc/sudoers.d/eastwest-pull"
printf 'restrict,command="%s" %s\n' "$program" "$key" >"$root$home/.ssh/authorized_keys.new"
chmod 644 "$root$home/.ssh/authorized_keys.new"
mv "$root$home/.ssh/authorized_keys.new" "$root$home/.ssh/authorized_keys"

echo "Done: $account may run $program and nothing else."
echo "Compare one of these with the fingerprint that Eastwest shows:"
for public in "$root"/etc/ssh/ssh_host_*_key.pub; do
    if [ -f "$public" ]; then ssh-keygen -lf "$public"; fi
done
