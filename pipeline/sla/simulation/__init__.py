"""A day of mail, simulated: the planner of the line itself beside simpler policies and a bound that no schedule can exceed."""
