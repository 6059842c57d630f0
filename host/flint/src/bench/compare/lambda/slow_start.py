def steps(number):
    count = 0
    while number > 1:
        number = number // 2 if number % 2 == 0 else 3 * number + 1
        count += 1
    return count


# As many chains as take Python about 100 ms.
BY_CHAIN = sorted(range(1, 16_000), key=lambda number: (-steps(number), number))


def handler(event, context):
    number = BY_CHAIN[0]
    return {"place": 0, "number": number, "steps": steps(number)}
