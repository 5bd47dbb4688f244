# SPDX-License-Identifier: MIT
#
# Converts the demo's output on a terminal to an SVG picture, from standard input to standard output. It knows only the few escape
# sequences that the demo uses.
use strict;
use warnings;
use utf8;
use open qw(:std :encoding(UTF-8));

my %style = (0 => '', 1 => 'strong', 2 => 'faint', 31 => 'bad', 32 => 'good');
my ($column, $row, $margin) = (7.8, 18, 12); # of a character, in pixels

# One line as SVG, and its length. Words separated by several blanks are placed one by one, so that columns are aligned with any font and
# any handling of blanks. A style applies until it is changed.
my $class = '';
sub line {
	my ($text, $y) = @_;
	my ($at, $svg) = (0, '');

	for my $piece (split /(\e\[\d+m)/, $text) {
		if ($piece =~ /^\e\[(\d+)m$/) {
			die "picture.pl: unknown style $1\n" unless exists $style{$1};
			$class = $style{$1};
			next;
		}
		while ($piece =~ /(\S+(?: \S+)*)/g) {
			my ($words, $x) = ($1, $margin + ($at + $-[1]) * $column);
			my $width = length($words) * $column;
			$words =~ s/&/&amp;/g;
			$words =~ s/</&lt;/g;
			$svg .= sprintf "<text x=\"%g\" y=\"%d\" textLength=\"%g\"%s>%s</text>\n", $x, $y, $width,
				$class ? " class=\"$class\"" : '', $words;
		}
		$at += length $piece;
	}
	return ($svg, $at);
}

my ($body, $widest, $y, $shown) = ('', 0, $margin, 0);
while (my $text = <STDIN>) {
	$text =~ s/[\r\n]+$//;
	$shown ||= $text =~ /The machine:/; # output before it comes from builds
	next unless $shown;
	last if $text =~ /^Script done/;
	my ($svg, $length) = line($text, $y += $row);
	$body .= $svg;
	$widest = $length if $length > $widest;
}
die "picture.pl: this is no demo\n" unless $body;
my ($width, $height) = (2 * $margin + $widest * $column, $y + $row + $margin);

print <<"END";
<svg xmlns="http://www.w3.org/2000/svg" width="$width" height="$height" viewBox="0 0 $width $height">
<title>The demo of pvapconfig</title>
<style>
text { font: 13px monospace; fill: #d8dee4 }
.strong { font-weight: bold; fill: #ffffff }
.faint { fill: #848d97 }
.good { fill: #57c26a }
.bad { fill: #f47067 }
</style>
<rect width="100%" height="100%" rx="8" fill="#14181d"/>
$body</svg>
END
