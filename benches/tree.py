"""Makes a tree of a million small files: 1000 directories of 1000, named as they are on a file server."""

import os
import sys

# Files of each kind in a thousand. Five in six have a name that says they are something ordinary.
MIX = [
    ("jpg", 260), ("png", 90), ("pdf", 120), ("doc", 60), ("html", 80), ("js", 60), ("css", 20), ("c", 50), ("h", 60),
    ("mp4", 20), ("ttf", 10), ("pyc", 10),
    ("txt", 50), ("json", 40), ("py", 40), ("md", 10), ("csv", 10), ("", 10),
]
CONTENT = {
    "json": b'{"name": "item", "values": [1, 2, 3], "note": "nothing of interest"}\n',
    "py": b"def main():\n    return 1\n",
    "csv": b"id,name\n1,a\n2,b\n",
}


def main(root):
    names = [(extension, number) for extension, count in MIX for number in range(count)]
    assert len(names) == 1000
    for directory in range(1000):
        path = os.path.join(root, f"share-{directory // 100}", f"project {directory:03}")
        os.makedirs(path)
        fd = os.open(path, os.O_RDONLY)
        for extension, number in names:
            name = f"IMG_{number:04}.{extension}" if extension == "jpg" else f"report-{number:03}-final"
            if extension not in ("", "jpg"):
                name += "." + extension
            out = os.open(name, os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd)
            os.write(out, CONTENT.get(extension, b"Some words that fill a small file.\n"))
            os.close(out)
        os.close(fd)


main(sys.argv[1])
