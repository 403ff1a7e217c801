#!/usr/bin/env bash
# What the tests need beside Python: a browser, PostgreSQL 15, RabbitMQ and a CJK font. Installs them when root on Debian,
# else says how. A test that needs one of them is never passed by being skipped in CI.
set -uo pipefail

missing=()
browser=${RECOUP_CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
[ -n "$browser" ] || missing+=(chromium)
if ! command -v initdb >/dev/null 2>&1 && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
  missing+=(postgresql-15)
fi
command -v rabbitmq-server >/dev/null 2>&1 || missing+=(rabbitmq-server)
fc-list :lang=zh 2>/dev/null | grep -q . || missing+=(fontconfig fonts-wqy-microhei)
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
  echo "Installing for the tests: ${missing[*]}"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null && exit 0
fi
echo "The tests want: ${missing[*]}. On Debian: apt-get install --no-install-recommends ${missing[*]}" >&2
if [ "${CI:-}" = true ]; then exit 1; fi
echo "Going on without; the tests that need them will say so." >&2
