"""Words in columns and lines."""

from __future__ import annotations

from fulgurite.terminal.layout import Column, beside, cut, sized, table, table_width, wrapped_words


def test_a_table_is_as_wide_as_its_widest_cells_and_has_no_end_to_cut_off():
    columns = [Column("NAME", [("a", "x"), ("long name", "")], False), Column("N", [("1", ""), ("22", "")])]
    lines = ["".join(text for text, _ in line) for line in table(columns)]
    assert lines == ["NAME        N", "a           1", "long name  22"]
    assert table_width(columns) == len(lines[0])


def test_panels_side_by_side_keep_a_column_between_them():
    line = beside([(6, [("abcdefgh", "red")]), (4, [("x", "")])])
    assert "".join(text for text, _ in line) == "abcd… x   "
    assert line[0] == ("abcd…", "red")


def test_what_does_not_fit_is_cut_where_it_ends():
    assert cut([("abc", "1"), ("def", "2"), ("ghi", "3")], 5) == [("abc", "1"), ("d…", "2")]
    assert sized([[("abc", "")]] * 3, 2, 2) == [[("a…", "")]] * 2
    assert sized([], 5, 2) == [[], []]


def test_the_last_piece_of_a_line_is_wrapped_below_itself():
    line = [("time ", "dim"), ("one two three four five six", "bold")]
    shown = ["".join(text for text, _ in each) for each in wrapped_words(line, 15, 3)]
    assert shown == ["time  one two", "      three", "      four five six"]
    assert wrapped_words(line, 15, 1) == [line]
    assert wrapped_words(line, 40, 3) == [line]
