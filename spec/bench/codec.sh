# codec: neap.json against lua-cjson on a document of 1 MB, in one process.
# shellcheck shell=bash disable=SC2154

# codec_tell WHAT OURS THEIRS BAR: times in milliseconds; of a document of `bytes`.
codec_tell() {
    tell "$1 1 MB, neap.json / lua-cjson" \
        "$(calc "$bytes / $2 / 1000" %.0f) / $(calc "$bytes / $3 / 1000" %.0f) MB/s" "$(calc "$3 / $2" %.2f)" '>=' "$4" x
}

for _ in {1..3}; do "${on_client[@]}" "$neap" run "$bench/clients/codec.lua"; done >codec.out
bytes=$(awk '$1 == "bytes" { print $2; exit }' codec.out)
for what in decode encode; do
    awk -v what=$what '$1 == what { print $2 }' codec.out >ours
    awk -v what=$what '$1 == what { print $3 }' codec.out >theirs
    codec_tell $what "$(median ours)" "$(median theirs)" "$([[ $what == decode ]] && echo 1.15 || echo 1.5)"
done
