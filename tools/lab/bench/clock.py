# SPDX-License-Identifier: GPL-2.0
"""Virtual and real nanoseconds: the factor between them, the devices' times.

One instruction is one virtual nanosecond, which is slower than a server's core.
Two published rows of page-out by one thread (deflate-iaa, one page at a time and
in batches of eight) give the CPU work C of a page and the latency L of a
compression, in real time. C is measured here in instructions: their quotient is
the factor by which all published times of the device are stretched.
"""
import dataclasses

# ns per page: Intel's memory-usage-analyzer, tests/madvise, silesia.tar.
ONE_AT_A_TIME, IN_BATCHES, BATCH = 5448, 2548, 8
DYNAMIC_ONE_AT_A_TIME = 8842

LATENCY = (ONE_AT_A_TIME - IN_BATCHES) * BATCH / (BATCH - 1)
WORK = ONE_AT_A_TIME - LATENCY
DYNAMIC_LATENCY = DYNAMIC_ONE_AT_A_TIME - WORK

# Of the model, in real time: rates of an engine and of a device in bytes a second.
PAGE = 4096
COMPRESS_RATE, DECOMPRESS_RATE, DEVICE_RATE = 2.1e9, 4.0e9, 3.0e9
DECOMPRESS_BASE = 1250

# As if the device took no time.
NOTHING = {"compress-base-ns": 1, "decompress-base-ns": 1, "header-base-ns": 1,
           "compress-rate": 10**12, "decompress-rate": 10**12, "device-rate": 10**12}


@dataclasses.dataclass(frozen=True)
class Clock:
    work: float                 # instructions of a page
    factor: float               # virtual ns of a real one

    def real(self, virtual):
        return virtual / self.factor

    def latency(self, dynamic=False):
        """Of a compression, in virtual ns."""
        return (DYNAMIC_LATENCY if dynamic else LATENCY) * self.factor

    def properties(self, scale=1.0):
        """The device's properties; @scale 0 is a device that takes no time."""
        if not scale:
            return NOTHING
        stretch = self.factor * scale
        return {
            "compress-base-ns": round((LATENCY - PAGE / COMPRESS_RATE * 1e9) * stretch),
            "compress-rate": round(COMPRESS_RATE / stretch),
            "decompress-base-ns": round(DECOMPRESS_BASE * stretch),
            "decompress-rate": round(DECOMPRESS_RATE / stretch),
            "header-base-ns": round((DYNAMIC_LATENCY - LATENCY) * stretch),
            "device-rate": round(DEVICE_RATE / stretch),
        }


def work_of_page(pages, zeroes):
    """Of a page that is stored: the pages of zeroes in the data are taken out."""
    each = zeroes.number("out_ns") / zeroes.pages
    return (pages.number("out_ns") - each * pages.number("swpout_zero")) / pages.stored


def calibrate(pages, zeroes):
    work = work_of_page(pages, zeroes)
    # Three digits: what the device is told shall not follow every instruction.
    return Clock(work, round(work / WORK, 2))


def write(properties):
    return ",".join(f"{name}={value}" for name, value in properties.items())
