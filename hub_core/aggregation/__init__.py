"""The rules by which figures add up: along the calendar, up the org tree, as quotients and by formula."""
