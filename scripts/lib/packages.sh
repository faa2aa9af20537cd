# install_packages FILE...: installs the Debian packages named in the files, if any is missing.
install_packages() {
  missing=""
  for package in $(cat "$@"); do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
      missing="$missing $package"
  done
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    echo "missing packages (install them as root):$missing" >&2
    return 1
  fi
  echo "+ apt-get install$missing"
  # An image without package lists needs them first; with lists, try them before a refresh.
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null 2>&1 || {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing >/dev/null
  }
}
