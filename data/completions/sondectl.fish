# SPDX-License-Identifier: LGPL-2.1-or-later
# Copyright The Sonde contributors
#
# What can be typed is known to sondectl itself: it is asked, with what is typed so far.

function __sondectl_complete
    set -l words (commandline -opc)
    set -l word (commandline -ct)
    set -l candidates ($words[1] complete -- $words[2..] "$word" 2>/dev/null)
    if contains -- ':files' $candidates
        set -l prefix (string match -r -- '^.*=' $word)
        printf '%s\n' "$prefix"(__fish_complete_path (string replace -r -- '^.*=' '' $word))
    else
        printf '%s\n' $candidates
    end
end

complete -c sondectl -f -a '(__sondectl_complete)'
