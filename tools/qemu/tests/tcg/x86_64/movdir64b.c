/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Test MOVDIR64B in user mode.
 *
 * Without arguments, the CPU must have the instruction; with "absent", it must
 * not have it.  The tests hold on hardware as well, except that there the order
 * between faults of the two operands is not architectural.
 */

#include <asm/prctl.h>
#include <cpuid.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIZE            64
#define PAGE            4096
#define CPUID_MOVDIR64B (1u << 28)

#define CHECK(cond, fmt, ...)                                             \
    do {                                                                  \
        if (!(cond)) {                                                    \
            fprintf(stderr, "%s:%d: !(%s): " fmt "\n", __func__, __LINE__, \
                    #cond, ## __VA_ARGS__);                               \
            exit(EXIT_FAILURE);                                           \
        }                                                                 \
    } while (0)

typedef void Movdir64b(void *dst, const void *src);

static void movdir64b(void *dst, const void *src)
{
    asm volatile("movdir64b (%1), %0" : : "r"(dst), "r"(src) : "memory");
}

/* The operands, each with pages of its own; refilled by arena_reset().  */
static struct {
    uint8_t *src;       /* two pages, the second can be made unreadable */
    uint8_t *dst;       /* one page, can be made unwritable */
} arena;

/* Differs between the bytes of a line, and between neighbouring lines.  */
static uint8_t src_pattern(int i)
{
    return i * 7 + (i >> 8) * 3 + 1;
}

static uint8_t dst_pattern(int i)
{
    return ~i;
}

/* @hint is an address to prefer.  */
static uint8_t *map_pages(uintptr_t hint, int n)
{
    uint8_t *p = mmap((void *)hint, n * PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(p != MAP_FAILED, "%d pages", n);
    return p;
}

static void protect(uint8_t *page, int prot)
{
    CHECK(mprotect(page, PAGE, prot) == 0, "page %p prot %d", page, prot);
}

/*
 * Map the arena below 4 GiB, for the test of 32-bit addresses.  User emulation
 * ignores MAP_32BIT.
 */
static void arena_init(void)
{
    arena.src = map_pages(0x20000000, 2);
    arena.dst = map_pages(0x30000000, 1);
    CHECK(((uintptr_t)arena.src | (uintptr_t)arena.dst) >> 32 == 0,
          "mapped at %p and %p", arena.src, arena.dst);
}

static void arena_reset(void)
{
    protect(arena.src, PROT_READ | PROT_WRITE);
    protect(arena.src + PAGE, PROT_READ | PROT_WRITE);
    protect(arena.dst, PROT_READ | PROT_WRITE);

    for (int i = 0; i < 2 * PAGE; i++) {
        arena.src[i] = src_pattern(i);
    }
    for (int i = 0; i < PAGE; i++) {
        arena.dst[i] = dst_pattern(i);
    }
}

static void check_dst_untouched(int from, int to)
{
    for (int i = from; i < to; i++) {
        CHECK(arena.dst[i] == dst_pattern(i), "byte %d is 0x%x", i,
              arena.dst[i]);
    }
}

/* Run @op in a fresh arena: it must copy one line and nothing else.  */
static void check_copy(Movdir64b *op, int dst, int src)
{
    arena_reset();
    op(arena.dst + dst, arena.src + src);

    for (int i = 0; i < SIZE; i++) {
        CHECK(arena.dst[dst + i] == src_pattern(src + i),
              "dst %d src %d byte %d is 0x%x", dst, src, i, arena.dst[dst + i]);
    }
    check_dst_untouched(0, dst);
    check_dst_untouched(dst + SIZE, PAGE);
}

/* How an attempt to execute an instruction ended; signo is 0 for no fault.  */
typedef struct Fault {
    int signo;
    int code;
    const void *addr;
} Fault;

static sigjmp_buf fault_env;
static volatile sig_atomic_t fault_expected;
static Fault fault;

static void fault_handler(int signo, siginfo_t *info, void *uc)
{
    CHECK(fault_expected, "signal %d code %d addr %p", signo, info->si_code,
          info->si_addr);
    fault = (Fault) { signo, info->si_code, info->si_addr };
    siglongjmp(fault_env, 1);
}

static void fault_init(void)
{
    struct sigaction sa = {
        .sa_sigaction = fault_handler,
        .sa_flags = SA_SIGINFO,
    };

    CHECK(sigaction(SIGSEGV, &sa, NULL) == 0, "SIGSEGV");
    CHECK(sigaction(SIGILL, &sa, NULL) == 0, "SIGILL");
}

static Fault try_op(Movdir64b *op, void *dst, const void *src)
{
    fault = (Fault) { 0 };
    fault_expected = 1;
    if (sigsetjmp(fault_env, 1) == 0) {
        op(dst, src);
    }
    fault_expected = 0;
    return fault;
}

static void check_page_fault(uint8_t *dst, const uint8_t *src,
                             const uint8_t *addr)
{
    Fault f = try_op(movdir64b, dst, src);

    CHECK(f.signo == SIGSEGV && f.code == SEGV_ACCERR && f.addr == addr,
          "dst %p src %p: signal %d code %d addr %p, not %p",
          dst, src, f.signo, f.code, f.addr, addr);
}

/* Linux reports #GP without an address and with the code SI_KERNEL.  */
static void check_gp_fault(uint8_t *dst, const uint8_t *src)
{
    Fault f = try_op(movdir64b, dst, src);

    CHECK(f.signo == SIGSEGV && f.code == SI_KERNEL,
          "dst %p src %p: signal %d code %d", dst, src, f.signo, f.code);
}

static void check_undefined(Movdir64b *op)
{
    Fault f;

    arena_reset();
    f = try_op(op, arena.dst, arena.src);
    CHECK(f.signo == SIGILL, "signal %d code %d", f.signo, f.code);
    check_dst_untouched(0, PAGE);
}

/* Test that each line can be the destination, the first and last included.  */
static void test_destinations(void)
{
    for (int dst = 0; dst < PAGE; dst += SIZE) {
        check_copy(movdir64b, dst, 0);
    }
}

/* Test that the source can have any alignment and cross a page.  */
static void test_sources(void)
{
    for (int src = PAGE - 2 * SIZE; src <= PAGE; src++) {
        check_copy(movdir64b, SIZE, src);
    }
}

/* Test that all of the source is read before anything is written.  */
static void test_overlap(void)
{
    for (int src = 0; src <= 2 * SIZE; src++) {
        arena_reset();
        movdir64b(arena.src + SIZE, arena.src + src);
        for (int i = 0; i < SIZE; i++) {
            CHECK(arena.src[SIZE + i] == src_pattern(src + i),
                  "src %d byte %d is 0x%x", src, i, arena.src[SIZE + i]);
        }
    }
}

/* Test that a destination above 4 GiB is not truncated by the 0x66 prefix.  */
static void test_high_destination(void)
{
    uint8_t *high = map_pages(0x700000000000, 1);

    CHECK((uintptr_t)high >> 32, "mapped at %p", high);
    arena_reset();
    movdir64b(high, arena.src);
    CHECK(memcmp(high, arena.src, SIZE) == 0, "mapped at %p", high);
    munmap(high, PAGE);
}

#define DEFINE_MOVDIR64B_TO(reg)                                          \
    static void movdir64b_to_##reg(void *dst, const void *src)            \
    {                                                                     \
        asm volatile("mov %0, %%" #reg "\n\t"                             \
                     "movdir64b (%1), %%" #reg                            \
                     : : "r"(dst), "r"(src) : #reg, "memory");            \
    }

DEFINE_MOVDIR64B_TO(r8)
DEFINE_MOVDIR64B_TO(r9)
DEFINE_MOVDIR64B_TO(r10)
DEFINE_MOVDIR64B_TO(r11)
DEFINE_MOVDIR64B_TO(r12)
DEFINE_MOVDIR64B_TO(r13)
DEFINE_MOVDIR64B_TO(r14)
DEFINE_MOVDIR64B_TO(r15)

/* Test that REX.R extends the destination register.  */
static void test_rex_r(void)
{
    static Movdir64b *const ops[] = {
        movdir64b_to_r8,  movdir64b_to_r9,  movdir64b_to_r10, movdir64b_to_r11,
        movdir64b_to_r12, movdir64b_to_r13, movdir64b_to_r14, movdir64b_to_r15,
    };

    for (int i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
        check_copy(ops[i], SIZE, 1);
    }
}

static void movdir64b_addr32(void *dst, const void *src)
{
    uint64_t garbage = 0xa5a5a5a5ull << 32;

    asm volatile("movdir64b (%k1), %k0"
                 : : "r"((uint64_t)dst | garbage), "r"((uint64_t)src | garbage)
                 : "memory");
}

/* Test that 0x67 makes both addresses 32-bit wide.  */
static void test_addr32(void)
{
    check_copy(movdir64b_addr32, SIZE, 1);
}

static uint64_t get_segment_base(int code)
{
    uint64_t base;

    CHECK(syscall(SYS_arch_prctl, code, &base) == 0, "code 0x%x", code);
    return base;
}

static void movdir64b_from_fs(void *dst, const void *src)
{
    uint64_t offset = (uint64_t)src - get_segment_base(ARCH_GET_FS);

    asm volatile("movdir64b %%fs:(%1), %0"
                 : : "r"(dst), "r"(offset) : "memory");
}

static void movdir64b_from_gs(void *dst, const void *src)
{
    uint64_t offset = (uint64_t)src - get_segment_base(ARCH_GET_GS);

    asm volatile("movdir64b %%gs:(%1), %0"
                 : : "r"(dst), "r"(offset) : "memory");
}

/* Test that a segment override applies to the source, and to it alone.  */
static void test_segments(void)
{
    /* FS already has a base: the thread pointer.  */
    CHECK(get_segment_base(ARCH_GET_FS) != 0, "no thread pointer");
    check_copy(movdir64b_from_fs, SIZE, 1);

    CHECK(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x123456) == 0, "SET_GS");
    check_copy(movdir64b_from_gs, SIZE, 1);
}

/* Test that a destination which is not 64-byte aligned raises #GP.  */
static void test_misaligned_destination(void)
{
    arena_reset();
    for (int dst = 1; dst < SIZE; dst++) {
        check_gp_fault(arena.dst + dst, arena.src);
    }
    check_dst_untouched(0, PAGE);
}

/* Test that a store to a read-only page faults and changes nothing.  */
static void test_readonly_destination(void)
{
    arena_reset();
    protect(arena.dst, PROT_READ);
    check_page_fault(arena.dst + SIZE, arena.src, arena.dst + SIZE);
    check_dst_untouched(0, PAGE);
}

/* Test that a source fault in either page leaves the destination unchanged.  */
static void test_unreadable_source(void)
{
    uint8_t *second = arena.src + PAGE;

    arena_reset();
    protect(second, PROT_NONE);
    check_page_fault(arena.dst, second, second);
    for (int before = 1; before < SIZE; before++) {
        check_page_fault(arena.dst, second - before, second);
    }

    arena_reset();
    protect(arena.src, PROT_NONE);
    check_page_fault(arena.dst, second - 1, second - 1);
    check_dst_untouched(0, PAGE);
}

/* Test that the source faults first: before alignment, before the store.  */
static void test_fault_order(void)
{
    arena_reset();
    protect(arena.src, PROT_NONE);
    protect(arena.dst, PROT_READ);
    check_page_fault(arena.dst, arena.src, arena.src);
    check_page_fault(arena.dst + 1, arena.src, arena.src);

    protect(arena.src, PROT_READ);
    check_gp_fault(arena.dst + 1, arena.src);
}

/* The encodings of movdir64b (%rsi), %rdi that differ in one respect.  */

static void movdir64b_lock(void *dst, const void *src)
{
    asm volatile(".byte 0xf0, 0x66, 0x0f, 0x38, 0xf8, 0x3e"
                 : : "D"(dst), "S"(src) : "memory");
}

static void movdir64b_register_source(void *dst, const void *src)
{
    asm volatile(".byte 0x66, 0x0f, 0x38, 0xf8, 0xfe"
                 : : "D"(dst), "S"(src) : "memory");
}

static void movdir64b_no_prefix(void *dst, const void *src)
{
    asm volatile(".byte 0x0f, 0x38, 0xf8, 0x3e"
                 : : "D"(dst), "S"(src) : "memory");
}

/* Test that encodings outside the manual are undefined.  */
static void test_undefined(void)
{
    check_undefined(movdir64b_lock);
    check_undefined(movdir64b_register_source);
    check_undefined(movdir64b_no_prefix);
}

static int cpu_has_movdir64b(void)
{
    unsigned int eax, ebx, ecx, edx;

    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) &&
           (ecx & CPUID_MOVDIR64B);
}

/* Test that the instruction is undefined when CPUID does not announce it.  */
static void test_absent(void)
{
    CHECK(!cpu_has_movdir64b(), "the CPU has it, run with -movdir64b");
    check_undefined(movdir64b);
}

static void test_present(void)
{
    CHECK(cpu_has_movdir64b(), "the CPU lacks it, run with -cpu max");

    test_destinations();
    test_sources();
    test_overlap();
    test_high_destination();
    test_rex_r();
    test_addr32();
    test_segments();
    test_misaligned_destination();
    test_readonly_destination();
    test_unreadable_source();
    test_fault_order();
    test_undefined();
}

int main(int argc, char **argv)
{
    arena_init();
    fault_init();

    if (argc == 2 && strcmp(argv[1], "absent") == 0) {
        test_absent();
    } else {
        test_present();
    }
    return EXIT_SUCCESS;
}
