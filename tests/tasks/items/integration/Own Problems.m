(* ::Package:: *)

(* Antiderivatives of first courses, written for this project *)


(* Powers *)
{x^2, x, 1, x^3/3}
{1/x, x, 1, Log[x]}
{Sqrt[x], x, 1, (2*x^(3/2))/3}
{(2*x + 1)^3, x, 1, (2*x + 1)^4/8}


(* Exponentials and logarithms *)
{Exp[3*x], x, 1, Exp[3*x]/3}
{Log[x], x, 1, -x + x*Log[x]}
{x*Exp[x], x, 2, x*Exp[x] - Exp[x], (x - 1)*Exp[x]}


(* Circular functions; the last stands on two lines *)
{Sin[x], x, 1, -Cos[x]}
{Cos[2*x], x, 1, Sin[2*x]/2}
{x*Sin[x], x, 2, -x*Cos[x] + Sin[x]}
{1/(1 + t^2), t, 1, ArcTan[t]}
{Sin[x]*Cos[x], x, 1,
    Sin[x]^2/2}
