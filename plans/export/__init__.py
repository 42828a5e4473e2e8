"""A schedule in the formats that athletes' calendars, trainers and watches read: iCalendar, ZWO, FIT. Pure."""
