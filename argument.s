	.file	"evmc"
	.text
	.hidden	evmc_entry
	.globl	evmc_entry
	.p2align	4
	.type	evmc_entry,@function
evmc_entry:
	.cfi_startproc
	pushq	%r14
	.cfi_def_cfa_offset 16
	pushq	%r13
	.cfi_def_cfa_offset 24
	pushq	%r12
	.cfi_def_cfa_offset 32
	.cfi_offset %r12, -32
	.cfi_offset %r13, -24
	.cfi_offset %r14, -16
	movq	8(%rdi), %rcx
	cmpq	$31, 24(%rdi)
	jbe	.LBB0_1
.LBB0_4:
	movq	16(%rdi), %rax
	movabsq	$216172782113783808, %rdx
	movq	%rdx, 24(%rax)
	movq	$0, 16(%rax)
	movq	$0, 8(%rax)
	movq	$0, (%rax)
	subq	$21, %rcx
	jb	.LBB0_5
	movl	$32, %r9d
	movq	%rdi, %rax
	xorl	%edx, %edx
	xorl	%edi, %edi
	xorl	%r8d, %r8d
	xorl	%r12d, %r12d
	xorl	%r13d, %r13d
	xorl	%r14d, %r14d
	xorl	%esi, %esi
	callq	evmc.return_data
.LBB0_6:
	popq	%r12
	.cfi_def_cfa_offset 24
	popq	%r13
	.cfi_def_cfa_offset 16
	popq	%r14
	.cfi_def_cfa_offset 8
	retq
.LBB0_1:
	.cfi_def_cfa_offset 32
	subq	$15, %rcx
	jb	.LBB0_5
	movl	$32, %edx
	movq	%rcx, %rsi
	callq	evmc.grow
	testl	%eax, %eax
	jne	.LBB0_6
	movq	8(%rdi), %rcx
	addq	$15, %rcx
	jmp	.LBB0_4
.LBB0_5:
	movq	$0, 8(%rdi)
	movl	$4, %eax
	jmp	.LBB0_6
.Lfunc_end0:
	.size	evmc_entry, .Lfunc_end0-evmc_entry
	.cfi_endproc

	.section	.text.unlikely.,"ax",@progbits
	.p2align	4
	.type	evmc.grow,@function
evmc.grow:
	.cfi_startproc
	pushq	%r10
	.cfi_def_cfa_offset 16
	pushq	%r9
	.cfi_def_cfa_offset 24
	pushq	%r8
	.cfi_def_cfa_offset 32
	pushq	%rdi
	.cfi_def_cfa_offset 40
	pushq	%rsi
	.cfi_def_cfa_offset 48
	pushq	%rdx
	.cfi_def_cfa_offset 56
	pushq	%rcx
	.cfi_def_cfa_offset 64
	subq	$32, %rsp
	.cfi_def_cfa_offset 96
	.cfi_offset %rcx, -64
	.cfi_offset %rdx, -56
	.cfi_offset %rsi, -48
	.cfi_offset %rdi, -40
	.cfi_offset %r8, -32
	.cfi_offset %r9, -24
	.cfi_offset %r10, -16
	movq	%rsi, 8(%rdi)
	movq	%rdx, (%rsp)
	movq	$0, 24(%rsp)
	movq	$0, 16(%rsp)
	movq	$0, 8(%rsp)
	movq	(%rdi), %rax
	movq	%rsp, %rsi
	callq	*72(%rax)
	addq	$32, %rsp
	.cfi_def_cfa_offset 64
	popq	%rcx
	.cfi_def_cfa_offset 56
	popq	%rdx
	.cfi_def_cfa_offset 48
	popq	%rsi
	.cfi_def_cfa_offset 40
	popq	%rdi
	.cfi_def_cfa_offset 32
	popq	%r8
	.cfi_def_cfa_offset 24
	popq	%r9
	.cfi_def_cfa_offset 16
	popq	%r10
	.cfi_def_cfa_offset 8
	retq
.Lfunc_end1:
	.size	evmc.grow, .Lfunc_end1-evmc.grow
	.cfi_endproc

	.text
	.p2align	4
	.type	evmc.return_data,@function
evmc.return_data:
	.cfi_startproc
	pushq	%rbx
	.cfi_def_cfa_offset 16
	subq	$64, %rsp
	.cfi_def_cfa_offset 80
	.cfi_offset %rbx, -16
	movq	%rax, %rbx
	movq	%rcx, 8(%rax)
	movq	%r8, 24(%rsp)
	movq	%rsi, 16(%rsp)
	movq	%rdi, 8(%rsp)
	movq	%rdx, (%rsp)
	movq	%r14, 56(%rsp)
	movq	%r13, 48(%rsp)
	movq	%r12, 40(%rsp)
	movq	%r9, 32(%rsp)
	movq	(%rax), %rax
	movq	%rsp, %rsi
	movq	%rbx, %rdi
	callq	*392(%rax)
	movq	8(%rbx), %rcx
	addq	$64, %rsp
	.cfi_def_cfa_offset 16
	popq	%rbx
	.cfi_def_cfa_offset 8
	retq
.Lfunc_end2:
	.size	evmc.return_data, .Lfunc_end2-evmc.return_data
	.cfi_endproc

	.section	".note.GNU-stack","",@progbits
