"""Archives of years: a year's custody in files, checked and questioned without the line's database."""
