"""What Python makes of the pages of large answers: URL PAGES SIZE OUT, one key renamed, NDJSON."""

import json
import sys
from urllib.request import urlopen

url, pages, size, out = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
with open(out, "w", encoding="utf-8") as file:
    for page in range(pages):
        with urlopen(f"{url}/records?top={size}&skip={page * size}") as answer:
            for record in json.load(answer):
                record["mail"] = record.pop("email")
                file.write(encode(record) + "\n")
