"""What two stores of the same history must agree on: messages, leases aside, and their order."""

# What was handed out and not acknowledged waits in its queue again.
LEASES_ASIDE = """
SELECT message_id, event_id, org, problem_id, purpose, information, priority, role,
       CASE state WHEN 'LEASED' THEN 'QUEUED' ELSE state END, event_sequence
  FROM messages ORDER BY message_id
"""
IN_ORDER = """
SELECT problem_id, org, array_agg(message_id ORDER BY position) FROM messages
 WHERE state IN ('QUEUED', 'LEASED') AND problem_id IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2
"""
