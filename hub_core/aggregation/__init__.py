"""The rules by which figures add up: along the calendar, up the tree, as quotients, by formula."""
