-- The content of shop.sqlite: customers of a small shop and their orders. The people are invented.
CREATE TABLE customers (email TEXT, first_name TEXT, city TEXT, tier TEXT);
CREATE TABLE orders (email TEXT, total NUMERIC, ordered_at TEXT);
INSERT INTO customers VALUES
    ('ann@example.com', 'Ann', 'Oslo', 'gold'),
    ('bob@example.com', 'Bob', 'Bergen', 'silver'),
    ('cid@example.com', 'Cid', NULL, NULL),
    ('dee@example.com', 'Dee', 'Rome', 'gold'),
    ('not an address', 'Eve', 'Bari', 'gold');
INSERT INTO orders VALUES
    ('ann@example.com', 250, '2026-11-02'),
    ('bob@example.com', 60.5, '2026-11-09'),
    ('bob@example.com', 80, '2026-11-20'),
    ('cid@example.com', 19.9, '2026-11-21'),
    ('dee@example.com', 410, '2026-10-30'),
    ('not an address', 130, '2026-11-24');
