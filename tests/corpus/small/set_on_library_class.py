"""What is set on a library's class, by us or on our behalf: values, functions, our own objects."""

import calendar
import string


class Place:
    def __init__(self, name):
        self.name = name


here = Place("here")
calendar.Calendar.place = here
calendar.Calendar.level = 3
string.Template.delimiter = "%"
string.Formatter.shout = lambda self, text: text.upper()
before = calendar.Calendar.getfirstweekday
calendar.Calendar.getfirstweekday = lambda self: before(self) + 1
for step in range(2):
    calendar.Calendar.level += step
print(calendar.Calendar.place is here, calendar.TextCalendar().place.name, calendar.Calendar.level)
print(string.Template.delimiter, calendar.Calendar().getfirstweekday())
print(string.Formatter().shout("loud") if hasattr(string.Formatter, "shout") else "quiet")
