"""Whether something needs a person: signs from the corpus's own history, rules that judge them,
alarms that are told once.
"""
