-- Everybody who has spent 100 or more.
SELECT c.email, c.first_name, c.tier, sum(o.total) AS spent
FROM customers AS c JOIN orders AS o ON o.email = c.email
GROUP BY c.email, c.first_name, c.tier
HAVING sum(o.total) >= 100
