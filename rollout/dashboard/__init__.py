"""What the operators' pages show, as frozen data: reads only, a bounded number of queries whatever the rows."""
