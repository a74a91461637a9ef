# SPDX-License-Identifier: MIT
# What the packaging tests share: a folder $work that goes when they end, check, and the closing line.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0
skipped=0

check()
{ # check NAME COMMAND...
    name=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        echo "ok    $name"
        passed=$((passed + 1))
    else
        sed 's/^/    /' "$work/log"
        echo "FAIL  $name"
        failed=$((failed + 1))
    fi
}

skip()
{ # skip NAME REASON
    echo "skip  $1: $2"
    skipped=$((skipped + 1))
}

finish()
{
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ]
}
