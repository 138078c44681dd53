#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
#
# The verbs of ./dev that look for faults, each with a build folder of its own.
# ./dev reads this file, and lends it need, compile, run_tests, say and die.

# shellcheck disable=SC2034  # runner and setup are for run_tests

COVERAGE_MIN=90

# Makes $build as the arguments to "meson setup" say, once.
configure() {
  [[ -f $build/build.ninja ]] || meson setup "$build" "$@"
}

set_up() {
  configure "$@"
  ninja -C "$build"
}

# Sanitizers fail now and then where the kernel scatters addresses further than they
# know of, and with other addresses libFuzzer goes other ways.
with_same_addresses() {
  if setarch --addr-no-randomize true 2>/dev/null; then
    setarch --addr-no-randomize "$@"
  else
    "$@"
  fi
}

# AddressSanitizer and UndefinedBehaviorSanitizer, with the whole suite.
do_sanitize() {
  build="build-sanitize"
  need build test
  runner=(with_same_addresses)
  set_up -Db_sanitize=address,undefined -Db_lundef=false -Dintrospection=false
  run_tests "$@"
}

# ThreadSanitizer, which must see what GLib does: with a GLib of its own.
do_tsan() {
  local glib=$PWD/build-tsan-glib directory rpath='' options=()

  build="build-tsan"
  need build test tsan
  .ci/build-glib-tsan "$glib"
  for directory in glib gobject gio gmodule gthread; do
    rpath+=${rpath:+:}$glib/build/$directory
  done
  options=(-Db_sanitize=thread -Db_lundef=false -Dintrospection=false)
  set_up "${options[@]}" "-Dc_link_args=-Wl,-rpath,$rpath"
  runner=(with_same_addresses)
  run_tests --suite unit --suite integration "$@"
}

do_valgrind() {
  need build test valgrind
  compile werror=true
  setup=(--setup valgrind)
  run_tests --suite unit "$@"
}

# What clang finds by thinking about it. It knows nothing of g_autoptr(): what that
# frees it takes for leaks, and for stores that nobody reads.
do_analyze() {
  local scan=(scan-build --use-cc=clang --status-bugs -disable-checker unix.Malloc
    -disable-checker deadcode.DeadStores)

  build="build-analyze"
  need build analyze
  # It has to stand in for the compiler from the start.
  rm -rf "$build"
  "${scan[@]}" meson setup "$build" -Dtests=false -Dintrospection=false
  "${scan[@]}" -o "$PWD/$build/report" --exclude "$build" ninja -C "$build"
}

# What counts here is what the tests reach; whether they pass the others say, without
# the time that counting takes.
do_coverage() {
  local failed=0

  build="build-coverage"
  need build test coverage
  set_up -Db_coverage=true -Dintrospection=false
  find "$build" -name '*.gcda' -delete
  run_tests --suite unit --suite integration --suite faults --suite fuzz ||
    say "some tests failed; ./dev test is to say why"
  mkdir -p "$build/coverage"
  gcovr --root . --object-directory "$build" --filter src/libsonde --filter src/sonded \
    --exclude-unreachable-branches --print-summary --html-details "$build/coverage/index.html" \
    --txt "$build/coverage/coverage.txt" --fail-under-line "$COVERAGE_MIN" || failed=1
  say "lines that were not reached are shown in $build/coverage/index.html"
  return "$failed"
}

do_fuzz() {
  export CC=clang
  build="build-fuzz"
  need build test fuzz
  configure -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false -Dintrospection=false
  ninja -C "$build" sonde-fuzz
  with_same_addresses /usr/bin/python3 -B tests/fuzz/fuzz.py "$build" "$@"
}

do_soak() {
  need build test soak
  compile
  exec /usr/bin/python3 -B tests/soak/soak.py --build "$build" "$@"
}

# Makes the archive that is released, and installs and uninstalls what is in it.
do_dist() {
  local root=$PWD/build-dist/root left

  build="build-dist"
  need build dist
  configure -Dtests=false
  meson dist -C "$build" --no-tests --formats xztar --allow-dirty
  rm -rf "$build/source" "$build/from-archive" "$root"
  mkdir -p "$build/source"
  tar -xf "$build"/meson-dist/sonde-*.tar.xz -C "$build/source" --strip-components 1
  meson setup "$build/from-archive" "$build/source" -Dtests=false
  ninja -C "$build/from-archive"
  DESTDIR=$root meson install -C "$build/from-archive" --no-rebuild --quiet
  [[ -n $(find "$root" -name sonded -type f) ]] || die "nothing was installed"
  (cd "$build/from-archive" && DESTDIR=$root ninja uninstall)
  left=$(find "$build" -path "$build/root/*" -type f)
  [[ -z $left ]] || die "these stay after uninstalling: $left"
}
