# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# Links between documents. Sourced after tap.sh.

# The anchors of a page: its headings, converted as code forges do.
anchors() {
	sed -n 's/^##* //p' "$1" | tr '[:upper:]' '[:lower:]' | tr -cd '[:alnum:] \n-' | tr ' ' '-'
}

# dead_links FOLDER: prints each broken relative link: the file or its heading does not exist.
dead_links() {
	for page in "$1"/*.md "$1"/doc/*.md; do
		grep -o ']([^)]*)' "$page" | sed 's/^](//; s/)$//' | grep -v '^[a-z]*://' | while read -r link; do
			target=${page%/*}/${link%%#*}
			[ -n "${link%%#*}" ] || target=$page
			case $link in
			*'#'*) [ -e "$target" ] && anchors "$target" | grep -Fqx -- "${link#*#}" ;;
			*) [ -e "$target" ] ;;
			esac || echo "$page: $link"
		done
	done
}

# links_lead_somewhere FOLDER: there are links, and none is broken.
links_lead_somewhere() {
	dead=$(dead_links "$1")
	[ -z "$dead" ] || { echo "$dead"; return 1; }
	grep -q '](doc/' "$1/README.md"
}
