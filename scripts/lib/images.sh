# Shell functions that make small OCI images from Debian packages. Sourced, not run.
# An image is a folder: layer.tar.gz, config.json, manifest.json.

sha256_of() { sha256sum "$1" | cut -d' ' -f1; }

# busybox_tree DIR: a root file system of Debian's static busybox, every applet linked.
busybox_tree() {
  mkdir -p "$1/bin" "$1/etc" "$1/root" "$1/home" "$1/tmp" "$1/var" "$1/usr/bin" "$1/usr/sbin" "$1/sbin"
  chmod 1777 "$1/tmp"
  chmod 700 "$1/root"
  cp "$(command -v busybox)" "$1/bin/busybox"
  for applet in $("$1/bin/busybox" --list); do
    [ "$applet" = busybox ] || ln -sf /bin/busybox "$1/bin/$applet"
  done
  printf 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n' >"$1/etc/passwd"
  printf 'root:x:0:\ndaemon:x:1:\nnogroup:x:65534:\n' >"$1/etc/group"
}

# alpine_tree DIR: what `alpine` is here where Docker Hub cannot be reached.
alpine_tree() {
  busybox_tree "$1"
  printf 'NAME="Alpine stand-in"\nID=alpine-stand-in\nPRETTY_NAME="busybox of Debian, standing in for Alpine Linux"\n' >"$1/etc/os-release"
}

# hello_tree DIR SOURCE: one static program.
hello_tree() {
  mkdir -p "$1"
  cc -static -nostdlib -Os -s -fno-stack-protector -fno-asynchronous-unwind-tables \
    -Wl,--build-id=none -o "$1/hello" "$2"
}

# oci_image TREE OUT CMD-JSON: packs TREE reproducibly.
oci_image() {
  mkdir -p "$2"
  tar -C "$1" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@1700000000 -cf "$2/layer.tar" .
  diff_id=$(sha256_of "$2/layer.tar")
  gzip -nf "$2/layer.tar"
  cat >"$2/config.json" <<JSON
{"architecture":"$(image_architecture)","os":"linux","created":"2023-11-14T22:13:20Z","config":{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],"Cmd":$3,"WorkingDir":"/"},"rootfs":{"type":"layers","diff_ids":["sha256:$diff_id"]},"history":[{"created":"2023-11-14T22:13:20Z","created_by":"COPY . / # wherry image script"}]}
JSON
  cat >"$2/manifest.json" <<JSON
{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:$(sha256_of "$2/config.json")","size":$(stat -c %s "$2/config.json")},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:$(sha256_of "$2/layer.tar.gz")","size":$(stat -c %s "$2/layer.tar.gz")}]}
JSON
}

image_architecture() {
  case "$(uname -m)" in
    x86_64) echo amd64 ;;
    aarch64) echo arm64 ;;
    *) uname -m ;;
  esac
}

# push_image REGISTRY-URL REPOSITORY TAG IMAGE: uploads by the distribution API.
push_image() {
  for blob in "$4/config.json" "$4/layer.tar.gz"; do
    location=$(curl -fsS -X POST -o /dev/null -D - "$1/v2/$2/blobs/uploads/" |
      tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
    case "$location" in http*) ;; *) location="$1$location" ;; esac
    case "$location" in *\?*) location="$location&" ;; *) location="$location?" ;; esac
    curl -fsS -o /dev/null -X PUT -H 'Content-Type: application/octet-stream' \
      --data-binary "@$blob" "${location}digest=sha256:$(sha256_of "$blob")" || return 1
  done
  curl -fsS -o /dev/null -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' \
    --data-binary "@$4/manifest.json" "$1/v2/$2/manifests/$3"
}

# archive_image IMAGE NAME:TAG OUT.tar: the same image as a docker-archive for `load`.
archive_image() {
  work=$(mktemp -d)
  config=$(sha256_of "$1/config.json").json
  cp "$1/config.json" "$work/$config"
  gzip -dc "$1/layer.tar.gz" >"$work/layer.tar"
  printf '[{"Config":"%s","RepoTags":["%s"],"Layers":["layer.tar"]}]\n' "$config" "$2" >"$work/manifest.json"
  tar -C "$work" --owner=0 --group=0 --mtime=@1700000000 -cf "$3" manifest.json "$config" layer.tar
  rm -rf "$work"
}
