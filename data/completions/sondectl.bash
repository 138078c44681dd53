# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
#
# What can be typed is known to sondectl itself: it is asked, with what is typed so far.

_sondectl() {
  local cur words cword candidate prefix

  # Without splitting at = and :, which bash does and sondectl does not.
  _get_comp_words_by_ref -n '=:' cur words cword || return
  prefix=${cur%"${cur##*=}"}
  COMPREPLY=()
  while IFS=$'\t' read -r candidate _; do
    if [[ $candidate == :files ]]; then
      compopt -o filenames
      mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "${cur#"$prefix"}")
    elif [[ $COMP_WORDBREAKS == *=* ]]; then
      COMPREPLY+=("${candidate#"$prefix"}")
    else
      COMPREPLY+=("$candidate")
    fi
  done < <("${words[0]}" complete -- "${words[@]:1:cword-1}" "$cur" 2>/dev/null)
  [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace
}

complete -F _sondectl sondectl
